//! A command line split into words, as Compose splits `command: python manage.py runserver`: no shell, no variables,
//! no comments, and everything from an unquoted `;`, `&`, `|`, `<` or `>` on is dropped.

/// The words of `line`, or `None` when a quote or a bracket is not closed.
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    // Whether `word` counts although it may be empty.
    let mut started = false;
    let (mut escaped, mut double, mut single, mut back, mut dollar) = (false, false, false, false, false);
    for c in line.chars() {
        if escaped {
            word.push(c);
            escaped = false;
            started = true;
            continue;
        }
        match c {
            '\\' if single => word.push(c),
            '\\' => escaped = true,
            ' ' | '\t' | '\r' | '\n' => {
                if single || double || back || dollar {
                    word.push(c);
                } else if started {
                    words.push(std::mem::take(&mut word));
                    started = false;
                }
            }
            '"' if !single && !dollar => {
                started |= double;
                double = !double;
            }
            '\'' if !double && !dollar => {
                started |= single;
                single = !single;
            }
            '(' if !single && !double && !back => {
                if dollar || !word.ends_with('$') {
                    return None;
                }
                dollar = true;
                word.push(c);
            }
            ';' | '&' | '|' | '<' | '>' if !(single || double || back || dollar) => {
                // `2>file`: the number belongs to the redirection.
                if c == '>' && word.starts_with(|c: char| c.is_ascii_digit()) {
                    started = false;
                }
                break;
            }
            _ => {
                match c {
                    '`' if !single && !double && !dollar => back = !back,
                    ')' if !single && !double && !back => dollar = !dollar,
                    _ => {}
                }
                started = true;
                word.push(c);
            }
        }
    }
    if started {
        words.push(word);
    }
    if escaped || single || double || back || dollar { None } else { Some(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<&[&str]>) {
        assert_eq!(
            split(line).as_deref(),
            expected.map(|e| e.iter().map(|s| s.to_string()).collect::<Vec<_>>()).as_deref()
        );
    }

    #[test]
    fn words_are_composes() {
        check("python manage.py  runserver", Some(&["python", "manage.py", "runserver"]));
        check("", Some(&[]));
        check("sh -c 'a b' \"c d\"", Some(&["sh", "-c", "a b", "c d"]));
        check("a\\ b \"\" ''", Some(&["a b", "", ""]));
        check("echo # no comment", Some(&["echo", "#", "no", "comment"]));
        check("a | b", Some(&["a"]));
        check("a 2>b", Some(&["a"]));
        check("a $(b c)", Some(&["a", "$(b c)"]));
        check("a 'b", None);
        check("a (b)", None);
        check("a \\", None);
    }
}
