//! Markup that cannot forget to escape: tags get in as literals of this program, everything else gets in as text.

use std::fmt::{Display, Write as _};

/// A piece of a page.
#[derive(Debug, Default, Clone)]
pub struct Html(String);

impl Html {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Markup, which only this program's own literals can be.
    pub fn tag(&mut self, literal: &'static str) -> &mut Self {
        self.0.push_str(literal);
        self
    }

    /// Text or an attribute's value, escaped for either place.
    pub fn text(&mut self, value: impl Display) -> &mut Self {
        let written = write!(Escaping(&mut self.0), "{value}");
        debug_assert!(written.is_ok(), "a String takes everything");
        self
    }

    /// `<td class=n>text</td>` for `element("td class=n", text)`.
    pub fn element(&mut self, open: &'static str, value: impl Display) -> &mut Self {
        let name = open.split(' ').next().unwrap_or(open);
        self.tag("<").tag(open).tag(">").text(value).tag("</").tag(name).tag(">")
    }

    /// Another piece, as it is.
    pub fn put(&mut self, piece: &Self) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    /// JSON inside a script element: text that ends no element and begins none.
    pub fn json(&mut self, value: &serde_json::Value) -> &mut Self {
        self.0.push_str(&value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"));
        self
    }

    /// The markup.
    pub fn into_string(self) -> String {
        self.0
    }
}

struct Escaping<'a>(&'a mut String);

impl std::fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for one in text.chars() {
            match one {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(one),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_wherever_it_stands() {
        let mut page = Html::new();
        page.tag("<p title=\"").text("\"><script>").tag("\">").text("a & 'b'").tag("</p>").element("td class=n", "<1 ms");
        let shown = page.into_string();
        assert_eq!(shown, "<p title=\"&quot;&gt;&lt;script&gt;\">a &amp; &#39;b&#39;</p><td class=n>&lt;1 ms</td>");
    }

    #[test]
    fn json_ends_no_script() {
        let mut page = Html::new();
        page.json(&serde_json::json!({"name": "</script><b>&"}));
        let shown = page.into_string();
        assert!(!shown.contains('<') && !shown.contains('&'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(serde_json::json!({"name": "</script><b>&"})));
    }
}
