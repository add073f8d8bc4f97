//! Errors that carry what kind they are through minijinja's error type, as its source.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// The template breaks the grammar, or uses a filter, test or function that does not exist.
    Syntax = 1,
    /// The template called raise_exception.
    Raise = 2,
    /// An operation on values that do not allow it; in Python a TypeError, UndefinedError and the like.
    Type = 3,
    /// Fuel, depth, size or time ran out.
    Limit = 4,
    /// The caller's fault: text that is not UTF-8, a context that is not a JSON object.
    Argument = 5,
    /// A panic inside this library.
    Internal = 6,
    /// Time or memory ran out where no error could be raised: a thread was left behind.
    Abandoned = 7,
    /// The system has no more memory; a thread may be left behind.
    Memory = 8,
}

#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    pub message: String,
    /// 1-based, 0 where there is none.
    pub line: usize,
}

impl Failure {
    pub fn new(kind: Kind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into(), line: 0 }
    }
}

/// The source of a minijinja error that one of our functions made.
#[derive(Debug)]
struct Marker {
    kind: Kind,
    message: String,
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Marker {}

pub fn marked(kind: Kind, message: impl Into<String>) -> minijinja::Error {
    let message = message.into();
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message.clone()).with_source(Marker { kind, message })
}

pub fn raise(message: impl Into<String>) -> minijinja::Error {
    marked(Kind::Raise, message)
}

pub fn limit(message: impl Into<String>) -> minijinja::Error {
    marked(Kind::Limit, message)
}

pub fn type_error(message: impl Into<String>) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message.into())
}

impl From<minijinja::Error> for Failure {
    fn from(error: minijinja::Error) -> Failure {
        use minijinja::ErrorKind;
        let line = error.line().unwrap_or(0);
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(current) = cause {
            if let Some(marker) = current.downcast_ref::<Marker>() {
                return Failure { kind: marker.kind, message: marker.message.clone(), line };
            }
            if let Some(inner) = current.downcast_ref::<minijinja::Error>() {
                if inner.kind() == ErrorKind::OutOfFuel {
                    return Failure { kind: Kind::Limit, message: "the template does too much work".into(), line };
                }
            }
            cause = current.source();
        }
        let kind = match error.kind() {
            ErrorKind::SyntaxError | ErrorKind::BadEscape | ErrorKind::UnknownFilter | ErrorKind::UnknownTest => {
                Kind::Syntax
            }
            ErrorKind::InvalidOperation if error.detail().is_some_and(|d| d.contains("recursion limit")) => Kind::Limit,
            _ => Kind::Type,
        };
        let message = match error.detail() {
            Some(detail) => format!("{}: {}", error.kind(), detail),
            None => error.kind().to_string(),
        };
        Failure { kind, message, line }
    }
}
