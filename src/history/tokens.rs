//! Values that grow by appending, as lists of what was appended.
//!
//! Where a read of a key is a sequence, its elements are what was appended, and a write of a sequence replaces them.
//! Elsewhere values are strings: porcupine's kv files append strings such as `"x 3 17 y"` and read the concatenation. If no
//! appended string of a key is a prefix of another, a value read can be cut into them in one way only, and the list of
//! them says the same as the string. Otherwise both are taken character by character.

use std::collections::BTreeMap;

use super::edn::{quote, unquote as content};
use super::history::History;
use super::intern::Interner;
use super::op::{Function, OpIndex, Status};

/// Of values that are sequences their elements.
pub(super) type Sequences = BTreeMap<u64, Vec<u64>>;

/// Rewrites reads of every key that was appended to, or read as a list, into scans.
pub(super) fn into_lists(history: &mut History, values: &mut Interner, sequences: &Sequences) {
    let mut keys: BTreeMap<u64, Vec<OpIndex>> = BTreeMap::new();
    for (at, operation) in history.operations().iter().enumerate() {
        keys.entry(operation.key).or_default().push(OpIndex(at as u32));
    }
    for operations in keys.into_values() {
        let any = |wanted: Function| operations.iter().any(|&index| history.operation(index).function == wanted);
        let is_sequence = |&index: &OpIndex| {
            let operation = history.operation(index);
            match operation.function {
                Function::Read => operation.status == Status::Ok && sequences.contains_key(&operation.result()),
                Function::Write => sequences.contains_key(&operation.value),
                _ => false,
            }
        };
        let scanned = any(Function::Scan);
        if scanned || (any(Function::Append) && operations.iter().any(is_sequence)) {
            take_apart(history, sequences, &operations);
        } else if any(Function::Append) {
            split_strings(history, values, &operations);
        }
    }
}

/// Reads are sequences.
fn take_apart(history: &mut History, sequences: &Sequences, operations: &[OpIndex]) {
    for &index in operations {
        let operation = *history.operation(index);
        match operation.function {
            Function::Read => {
                history.operation_mut(index).function = Function::Scan;
                if operation.status == Status::Ok {
                    let one = [operation.result()];
                    let list = match operation.result() {
                        0 => &[][..],
                        word => sequences.get(&word).map_or(&one[..], Vec::as_slice),
                    };
                    history.complete_with_list(index, list, operation.completed);
                }
            }
            Function::Write if operation.value == 0 => history.operation_mut(index).function = Function::Delete,
            Function::Write => {
                if let Some(elements) = sequences.get(&operation.value) {
                    let list = history.add_list(elements);
                    let operation = history.operation_mut(index);
                    (operation.value, operation.function) = (list, Function::WriteList);
                }
            }
            _ => {}
        }
    }
}

/// Reads are strings.
fn split_strings(history: &mut History, values: &mut Interner, operations: &[OpIndex]) {
    let mut tokens: Vec<(String, u64)> = operations
        .iter()
        .map(|&index| history.operation(index))
        .filter(|operation| matches!(operation.function, Function::Append | Function::Write))
        .filter(|operation| operation.value != 0)
        .map(|operation| (content(values.text(operation.value as u32 - 1)).into_owned(), operation.value))
        .collect();
    tokens.sort_unstable();
    tokens.dedup();
    let prefix_free = tokens.windows(2).all(|pair| !pair[1].0.starts_with(&pair[0].0));
    for &index in operations {
        let operation = *history.operation(index);
        match operation.function {
            Function::Read => {
                history.operation_mut(index).function = Function::Scan;
                if operation.status == Status::Ok {
                    let list = match operation.result() {
                        0 => Vec::new(),
                        word => {
                            let text = content(values.text(word as u32 - 1)).into_owned();
                            if prefix_free { cut(&text, &tokens, values) } else { characters(&text, values) }
                        }
                    };
                    history.complete_with_list(index, &list, operation.completed);
                }
            }
            // The empty string is the initial state.
            Function::Write if operation.value == 0 => history.operation_mut(index).function = Function::Delete,
            Function::Write | Function::Append if !prefix_free => {
                let list = match operation.value {
                    0 => Vec::new(),
                    word => {
                        let text = content(values.text(word as u32 - 1)).into_owned();
                        characters(&text, values)
                    }
                };
                let list = history.add_list(&list);
                let operation = history.operation_mut(index);
                operation.value = list;
                operation.function =
                    if operation.function == Function::Write { Function::WriteList } else { Function::AppendList };
            }
            Function::Append if operation.value == 0 => {
                let list = history.add_list(&[]);
                let operation = history.operation_mut(index);
                operation.value = list;
                operation.function = Function::AppendList;
            }
            _ => {}
        }
    }
}

/// The tokens of a text. What is none of them becomes one last token, which nobody wrote.
fn cut(text: &str, tokens: &[(String, u64)], values: &mut Interner) -> Vec<u64> {
    let mut rest = text;
    let mut list = Vec::new();
    while !rest.is_empty() {
        // No token is a prefix of another, so only the greatest one that is not above `rest` can begin it.
        let above = tokens.partition_point(|(token, _)| token.as_str() <= rest);
        match above.checked_sub(1).map(|at| &tokens[at]).filter(|(token, _)| rest.starts_with(token.as_str())) {
            Some((token, word)) => {
                list.push(*word);
                rest = &rest[token.len()..];
            }
            None => {
                list.push(u64::from(values.number(&quote(rest))) + 1);
                break;
            }
        }
    }
    list
}

fn characters(text: &str, values: &mut Interner) -> Vec<u64> {
    text.chars().map(|c| u64::from(values.number(&quote(c.encode_utf8(&mut [0; 4])))) + 1).collect()
}

#[cfg(test)]
mod tests {
    use crate::history::io::{Kind, Options, read};
    use crate::history::{Function, History};

    fn kv(lines: &[(u32, &str, &str, &str)]) -> History {
        kv_of(None, lines)
    }

    fn kv_of(kind: Option<Kind>, lines: &[(u32, &str, &str, &str)]) -> History {
        let text: String = lines
            .iter()
            .flat_map(|(process, f, invoked, completed)| {
                [("invoke", invoked), ("ok", completed)].map(|(phase, value)| {
                    format!("{{:process {process}, :type :{phase}, :f :{f}, :key \"k\", :value {value}}}\n")
                })
            })
            .collect();
        read(text.as_bytes(), &Options { kind, ..Options::default() }).unwrap().history
    }

    #[test]
    fn strings_become_lists_of_what_was_appended() {
        let history = kv(&[
            (0, "put", r#""ab""#, r#""ab""#),
            (0, "append", r#""cd""#, r#""cd""#),
            (1, "get", "nil", r#""abcd""#),
            (1, "get", "nil", r#""""#),
        ]);
        let [put, append, first, second] = history.operations() else { panic!("four operations") };
        assert_eq!(first.function, Function::Scan);
        assert_eq!(history.list(first.result()), &[put.value, append.value]);
        assert_eq!(history.list(second.result()), &[] as &[u64]);
    }

    #[test]
    fn elements_of_sequences_stay_whole() {
        for model in [None, Some(Kind::List)] {
            let history = kv_of(
                model,
                &[
                    (1, "read", "nil", "[]"),
                    (0, "append", "1", "1"),
                    (0, "append", "12", "12"),
                    (1, "read", "nil", "[1 12]"),
                    (0, "write", "[12 3]", "[12 3]"),
                    (1, "read", "nil", "(12 3)"),
                ],
            );
            let [empty, first, second, read, write, again] = history.operations() else { panic!("six operations") };
            assert_eq!(history.list(empty.result()), &[] as &[u64]);
            assert_eq!(history.list(read.result()), &[first.value, second.value]);
            assert_eq!(write.function, Function::WriteList);
            assert_eq!(history.list(write.value), history.list(again.result()));
            assert_eq!(history.list(write.value)[0], second.value);
        }
    }

    #[test]
    fn what_nobody_wrote_stays_visible() {
        let history = kv(&[(0, "append", r#""cd""#, r#""cd""#), (1, "get", "nil", r#""cdzz""#)]);
        let read = history.operations()[1];
        assert_eq!(history.list(read.result()).len(), 2);
        assert_ne!(history.list(read.result())[1], history.operations()[0].value);
    }

    #[test]
    fn ambiguous_strings_are_taken_by_character() {
        let history = kv(&[
            (0, "append", r#""a""#, r#""a""#),
            (0, "append", r#""aa""#, r#""aa""#),
            (1, "get", "nil", r#""aaa""#),
        ]);
        let [first, second, read] = history.operations() else { panic!("three operations") };
        assert_eq!(first.function, Function::AppendList);
        assert_eq!((history.list(second.value).len(), history.list(read.result()).len()), (2, 3));
    }
}
