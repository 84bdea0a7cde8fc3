// One hair line through all charts, with the values of that moment. The page says everything without it.
(() => {
  const found = document.getElementById("readings");
  if (!found) return;
  const given = JSON.parse(found.textContent);
  const plots = [...document.querySelectorAll(".chart[data-shared] .plot")];
  const drop = () => document.querySelectorAll(".hair, .reading").forEach((one) => one.remove());
  const nearest = (share) => {
    const wanted = share * given.end;
    let best = 0;
    given.at.forEach((at, index) => { if (Math.abs(at - wanted) < Math.abs(given.at[best] - wanted)) best = index; });
    return best;
  };
  const show = (index) => {
    drop();
    plots.forEach((plot, which) => {
      const share = given.at[index] / given.end;
      const hair = document.createElement("i");
      hair.className = "hair";
      hair.style.left = `${share * 100}%`;
      const reading = document.createElement("div");
      reading.className = "reading";
      reading.style[share < 0.5 ? "left" : "right"] = `calc(${(share < 0.5 ? share : 1 - share) * 100}% + 8px)`;
      const time = document.createElement("b");
      time.textContent = given.clock[index];
      reading.append(time);
      for (const series of given.charts[which]) {
        const line = document.createElement("span");
        const name = document.createElement("span");
        name.textContent = series.name;
        line.append(name, series.values[index] ?? "–");
        reading.append(line);
      }
      plot.append(hair, reading);
    });
  };
  plots.forEach((plot) => {
    const move = (event) => {
      const box = plot.getBoundingClientRect();
      show(nearest(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))));
    };
    plot.addEventListener("pointermove", move);
    plot.addEventListener("pointerdown", move);
    plot.addEventListener("pointerleave", drop);
  });
})();
