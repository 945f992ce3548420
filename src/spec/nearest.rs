//! The word that was probably meant.
//!
//! Optimal string alignment distance (Damerau 1964, Levenshtein 1966): insert, delete, replace, swap two neighbours.

/// The candidate closest to `word`, if one is close enough to have been meant: at most one edit in three letters.
///
/// Case, and which of `-`, `_` and blank joins the words, count as half an edit each time. Ties go to the first.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    if letters > 64 {
        return None;
    }
    // In half edits.
    let limit = 2 * (letters / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.chars().count().abs_diff(letters) * 2 > limit {
            continue;
        }
        let distance = half_edits(word, candidate);
        // A one-letter word is near to every other one: that is no hint.
        let meant = distance <= limit && (letters > 1 || distance < 2);
        if meant && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Distance in half edits.
fn half_edits(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).map(|j| 2 * j).collect();
    for i in 1..=a.len() {
        let mut row = vec![2 * i];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + cost(a[i - 1], b[j - 1]);
            let mut least = replaced.min(above[j] + 2).min(row[j - 1] + 2);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 2);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

fn cost(a: char, b: char) -> usize {
    let joins = |c: char| matches!(c, '-' | '_' | ' ');
    if a == b {
        0
    } else if a.eq_ignore_ascii_case(&b) || joins(a) && joins(b) {
        1
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_keeps_silent_otherwise() {
        let words = ["partition", "pause", "power_loss", "crash", "restart", "s", "m"];
        for (word, meant) in [
            ("partiton", Some("partition")),
            ("partitoin", Some("partition")),
            ("power-loss", Some("power_loss")),
            ("PowerLoss", Some("power_loss")),
            ("chrash", Some("crash")),
            ("x", None),
            ("S", Some("s")),
            ("explode", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, words), meant, "{word}");
        }
    }
}
