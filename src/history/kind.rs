//! What the operations of a file are of, and what files call them.

use super::edn::shown;
use super::op::Function;

/// What the values of a file mean: names of functions such as `read` and `add` don't tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Registers, one or one a key: values are opaque. With `append`, strings and lists that grow.
    #[default]
    Register,
    /// `read` returns a list that `append` makes longer.
    List,
    /// `add` puts an element into a set, `read` returns all.
    Set,
    /// `add` adds a number, `read` returns the sum.
    Counter,
    /// `enqueue` and `dequeue`.
    Queue,
    /// `acquire` and `release` by owners, which are the processes.
    Lock,
    /// `acquire` and `release` where anybody may release (Knossos' mutex).
    Mutex,
}

impl Kind {
    /// As sentences and `--model` say it.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Register => "register",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::Counter => "counter",
            Kind::Queue => "queue",
            Kind::Lock => "lock",
            Kind::Mutex => "mutex",
        }
    }

    /// What a function is of, where it is of one kind only or, like `read`, of a register first of all.
    pub fn of(function: Function) -> Kind {
        match function {
            Function::Read | Function::Write | Function::Cas | Function::Delete => Kind::Register,
            Function::Append | Function::Scan | Function::WriteList | Function::AppendList => Kind::List,
            Function::SetAdd | Function::SetRemove | Function::SetContains | Function::SetScan => Kind::Set,
            Function::Add => Kind::Counter,
            Function::Enqueue | Function::Dequeue => Kind::Queue,
            Function::Acquire | Function::Release => Kind::Lock,
        }
    }

    /// Whether an object of this kind has the function. Registers may hold strings and lists that grow.
    pub fn has(self, function: Function) -> bool {
        let of = Kind::of(function);
        match self {
            Kind::Register => matches!(of, Kind::Register | Kind::List),
            Kind::List => of == Kind::List || matches!(function, Function::Write | Function::Delete),
            Kind::Counter => matches!(function, Function::Add | Function::Read),
            Kind::Mutex => of == Kind::Lock,
            Kind::Set | Kind::Queue | Kind::Lock => of == self,
        }
    }

    /// Why a file that calls a function so is of another kind.
    pub fn misfit(self, called: &str, function: Function) -> String {
        let noun = self.noun();
        let others = match Kind::of(function) {
            // Counters and sets both have `add`, and files name it alike.
            Kind::Set if called == "add" => "set or --model counter",
            other => other.noun(),
        };
        format!("`{called}` is no operation of a {noun}; it fits --model {others}")
    }
}

/// Every name that files have for a function, before the kind of the object is looked at.
const NAMES: [(&str, Function); 33] = [
    ("read", Function::Read),
    ("get", Function::Read),
    ("r", Function::Read),
    ("write", Function::Write),
    ("put", Function::Write),
    ("w", Function::Write),
    ("cas", Function::Cas),
    ("compare-and-set", Function::Cas),
    ("compare_and_set", Function::Cas),
    ("delete", Function::Delete),
    ("del", Function::Delete),
    ("append", Function::Append),
    ("scan", Function::Scan),
    ("add", Function::SetAdd),
    ("remove", Function::SetRemove),
    ("rem", Function::SetRemove),
    ("contains", Function::SetContains),
    ("set_add", Function::SetAdd),
    ("set_remove", Function::SetRemove),
    ("set_contains", Function::SetContains),
    ("set_scan", Function::SetScan),
    ("inc", Function::Add),
    ("increment", Function::Add),
    ("dec", Function::Add),
    ("decrement", Function::Add),
    ("enqueue", Function::Enqueue),
    ("enq", Function::Enqueue),
    ("dequeue", Function::Dequeue),
    ("deq", Function::Dequeue),
    ("acquire", Function::Acquire),
    ("lock", Function::Acquire),
    ("release", Function::Release),
    ("unlock", Function::Release),
];

/// The function that a file of objects of this kind calls so.
pub(super) fn function(name: &str, kind: Kind) -> Result<Function, String> {
    let Some(&(_, function)) = NAMES.iter().find(|(known, _)| *known == name) else {
        if name == "txn" {
            return Err("transactions (`txn`) are not judged: the models are of single operations".to_owned());
        }
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        return Err(format!("unknown function `{}`, expected one of: {}", shown(name), names.join(", ")));
    };
    Ok(match (function, kind) {
        (Function::Read, Kind::Set) => Function::SetScan,
        (Function::Read, Kind::List) => Function::Scan,
        (Function::SetAdd, Kind::Counter) if name == "add" => Function::Add,
        (function, _) => function,
    })
}
