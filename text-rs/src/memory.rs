//! The allocator of this library: the system's, with an account for threads that render a template.
//!
//! Some operations of minijinja make text of any size before fuel is asked for (`~` on a list of repeated lists). On
//! stable Rust an allocation can neither fail nor unwind without ending the process, so a thread that exceeds its
//! budget stops here for good, and whoever waits for it is told. Its memory stays taken: the template must not run again.
//! The same happens where the system has no more memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::mpsc::SyncSender;

use crate::error::{Failure, Kind};

pub type Outcome = Result<String, Failure>;

struct Metered;

#[global_allocator]
static ALLOCATOR: Metered = Metered;

thread_local! {
    /// Bytes that this thread may still take; None on threads without a budget.
    static ROOM: Cell<Option<isize>> = const { Cell::new(None) };
    static WAITER: Cell<Option<&'static SyncSender<Outcome>>> = const { Cell::new(None) };
}

/// Gives the calling thread a budget until `release`. The sender is told when it is exceeded.
pub fn limit(bytes: u64, waiter: &'static SyncSender<Outcome>) {
    WAITER.set(Some(waiter));
    ROOM.set(Some(isize::try_from(bytes).unwrap_or(isize::MAX)));
}

pub fn release() {
    ROOM.set(None);
    WAITER.set(None);
}

fn take(size: usize) {
    let Ok(Some(room)) = ROOM.try_with(Cell::get) else { return };
    let left = room.saturating_sub_unsigned(size);
    if left >= 0 {
        ROOM.set(Some(left));
        return;
    }
    give_up(Kind::Abandoned, "the template takes too much memory");
}

/// Never returns on a thread with a budget.
fn give_up(kind: Kind, message: &'static str) {
    // From here on without a budget, for the message.
    ROOM.set(None);
    let Some(waiter) = WAITER.take() else { return };
    let _ = waiter.try_send(Err(Failure::new(kind, message)));
    loop {
        std::thread::park();
    }
}

/// The pointer of an allocation; on a thread with a budget never null.
fn checked(pointer: *mut u8) -> *mut u8 {
    if pointer.is_null() && ROOM.try_with(Cell::get).is_ok_and(|room| room.is_some()) {
        give_up(Kind::Memory, "there is not enough memory for the template");
    }
    pointer
}

fn give_back(size: usize) {
    if let Ok(Some(room)) = ROOM.try_with(Cell::get) {
        ROOM.set(Some(room.saturating_add_unsigned(size)));
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Metered {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise.
        checked(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise.
        checked(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size.saturating_sub(layout.size()));
        give_back(layout.size().saturating_sub(size));
        // SAFETY: the caller's promise.
        checked(unsafe { System.realloc(pointer, layout, size) })
    }
}
