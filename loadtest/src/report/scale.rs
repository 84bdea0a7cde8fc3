//! Axes: where a value lies between the two ends of a chart, and which values are worth a line.
//!
//! A linear axis starts at zero. A logarithmic one covers whole decades, at least one; zero and below lie at its foot.

/// Lines of an axis of values, at most.
const TICKS_MAX: usize = 6;

/// One axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// From zero to the given end.
    Linear(f64),
    /// From zero to the given end, which is a power of two or one and a half of it, lines at its quarters or thirds.
    Binary(f64),
    /// From 10^first to 10^last.
    Log(i32, i32),
}

impl Scale {
    /// A linear axis that holds `max`, its end a round number.
    pub fn linear(max: f64) -> Self {
        if !(max.is_finite() && max > 0.0) {
            return Self::Linear(1.0);
        }
        let step = round_step(max / 4.0);
        Self::Linear((max / step - 1e-9).ceil().max(1.0) * step)
    }

    /// A linear axis of bytes that holds `max`: its end is 1, 1.5 or 2 times a power of two.
    pub fn binary(max: f64) -> Self {
        if !(max.is_finite() && max > 4.0) {
            return Self::Binary(4.0);
        }
        let power = 2_f64.powf(max.log2().floor());
        Self::Binary([1.0, 1.5, 2.0].into_iter().map(|factor| factor * power).find(|end| *end >= max).unwrap_or(power * 2.0))
    }

    /// A logarithmic axis that holds every positive value of `values`.
    pub fn log(values: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| value.is_finite() && *value > 0.0) {
            least = least.min(value);
            most = most.max(value);
        }
        if most == 0.0 {
            return Self::Log(0, 1);
        }
        let first = (least.log10() + 1e-9).floor() as i32;
        let last = ((most.log10() - 1e-9).ceil() as i32).max(first + 1);
        Self::Log(first, last)
    }

    /// 0 at the foot, 1 at the top; what lies outside is put on the edge.
    pub fn at(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear(end) | Self::Binary(end) => value / end,
            Self::Log(first, last) if value > 0.0 => (value.log10() - f64::from(first)) / f64::from(last - first),
            Self::Log(..) => 0.0,
        };
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// The values worth a line and a number, from the foot up.
    pub fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear(end) => {
                let step = round_step(end / 4.0);
                (0..=TICKS_MAX).map(|index| index as f64 * step).take_while(|value| *value <= end * (1.0 + 1e-9)).collect()
            }
            Self::Binary(end) => {
                let parts = if end.log2().fract() == 0.0 { 4 } else { 3 };
                (0..=parts).map(|part| end * f64::from(part) / f64::from(parts)).collect()
            }
            Self::Log(first, last) => {
                let decades = (first..=last).map(|power| 10_f64.powi(power));
                if last - first > 2 {
                    let stride = (last - first) as usize / TICKS_MAX + 1;
                    return decades.step_by(stride).collect();
                }
                let fine: &[f64] = if last - first == 1 { &[1.0, 2.0, 5.0] } else { &[1.0, 3.0] };
                let end = 10_f64.powi(last);
                decades
                    .flat_map(|decade| fine.iter().map(move |factor| factor * decade))
                    .filter(|value| *value <= end * 1.000_001)
                    .collect()
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let decade = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * decade).find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(least)
}

/// Seconds worth a mark on a time axis of `end_s` seconds: at most nine, by steps a clock has.
pub fn moments(end_s: f64) -> Vec<f64> {
    const STEPS: [f64; 16] =
        [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0];
    let step = STEPS.into_iter().find(|step| end_s / step <= 8.0).unwrap_or_else(|| round_step(end_s / 8.0));
    (0..=8).map(|index| f64::from(index) * step).take_while(|second| *second <= end_s + 1e-9).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_axis_holds_its_values_and_has_two_to_seven_lines() {
        for power in -30..60 {
            let max = 1.37_f64.powi(power);
            for scale in [
                Scale::linear(max),
                Scale::binary(max.max(5.0)),
                Scale::log([max / 50.0, max].into_iter()),
                Scale::log([max].into_iter()),
            ] {
                let ticks = scale.ticks();
                assert!((2..=7).contains(&ticks.len()), "{max}: {ticks:?}");
                assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
                assert!((0.0..=1.0).contains(&scale.at(max)));
                assert!(*ticks.last().unwrap_or(&0.0) >= max * 0.999, "{max}: {ticks:?}");
            }
        }
    }

    #[test]
    fn zero_nothing_and_the_infinite_stay_on_the_axis() {
        for scale in [Scale::linear(0.0), Scale::linear(f64::NAN), Scale::log(std::iter::empty()), Scale::Log(-1, 3)] {
            for value in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
                assert!((0.0..=1.0).contains(&scale.at(value)));
            }
        }
    }

    #[test]
    fn a_time_axis_has_few_marks_whatever_its_length() {
        for end_s in [1.0, 7.0, 30.0, 60.0, 91.0, 600.0, 5000.0, 86_400.0, 900_000.0] {
            let marks = moments(end_s);
            assert!((1..=9).contains(&marks.len()), "{end_s}: {marks:?}");
            assert!(marks.iter().all(|mark| *mark <= end_s + 1e-9));
        }
    }
}
