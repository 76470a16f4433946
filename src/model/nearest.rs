//! The word that was probably meant: behind every `did you mean`.

/// Words longer than this are nobody's slip, in characters.
const LONGEST: usize = 64;

/// The candidate that `text` is a slip of, if any is near enough: letters put in, taken out, changed or swapped, one in a short
/// word, three at most. Of those equally near, one that begins alike.
pub fn nearest<'c>(text: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let most = match text.chars().count() {
        0..=3 => 1,
        4..=6 => 2,
        7..=LONGEST => 3,
        _ => return None,
    };
    let begins_otherwise = |candidate: &str| text.chars().next() != candidate.chars().next();
    let near = candidates.into_iter().filter(|candidate| candidate.len() <= text.len() + 4 * most);
    near.map(|candidate| (strsim::osa_distance(text, candidate), candidate))
        // Of a single letter nothing would be left that is alike.
        .filter(|(distance, candidate)| *distance <= most && *distance < text.len().max(candidate.len()))
        .min_by_key(|(distance, candidate)| (*distance, begins_otherwise(candidate)))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let check = |text: &str, known: &[&'static str], expected: Option<&str>| {
            assert_eq!(nearest(text, known.iter().copied()), expected, "{text}");
        };
        let keys = ["ports", "image", "volumes", "environment"];
        check("prots", &keys, Some("ports"));
        check("imagee", &keys, Some("image"));
        check("enviroment", &keys, Some("environment"));
        check("banana", &keys, None);
        check("", &["a"], None);
        check("x", &["a"], None);
        check("aa", &["a", "b"], Some("a"));
        check("wbe", &["db", "web"], Some("web"));
        check("wen", &["ten", "web"], Some("web"));
        check("on-change", &["theme", "on_change"], Some("on_change"));
        check(&"a".repeat(100_000), &keys, None);
    }
}
