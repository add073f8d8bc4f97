//! The allocator of this library: the system's, with an account for threads that render a template.
//!
//! Some operations of minijinja make text of any size before fuel is asked for (`~` on a list of repeated lists). On
//! stable Rust an allocation can neither fail nor unwind without ending the process, so a thread that exceeds its
//! budget stops here for good, and whoever waits for it is told. Its memory stays taken: the template must not run again.
//! The same happens where the system has no more memory. Other threads have a reserve for that case, with which they
//! come to the end of what they do; nothing new begins before it is whole again.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use crate::big_stack::Slot;
use crate::error::{Failure, Kind};

pub type Outcome = Result<String, Failure>;

struct Metered;

#[global_allocator]
static ALLOCATOR: Metered = Metered;

thread_local! {
    /// Bytes that this thread may still take; None on threads without a budget.
    static ROOM: Cell<Option<isize>> = const { Cell::new(None) };
    static WAITER: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

/// Gives the calling thread a budget until `release`. The waiter is told when it is exceeded.
pub fn limit(bytes: u64, waiter: &'static Slot) {
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
    // A thread that panics holds locks that others will want to panic with, and comes to its end soon.
    if left >= 0 || std::thread::panicking() {
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
    waiter.put(Err(Failure::new(kind, message)));
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

const RESERVE: Layout = match Layout::from_size_align(4 << 20, 4096) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};
static RESERVED: AtomicPtr<u8> = AtomicPtr::new(null_mut());

/// Makes sure of the reserve, before something that may need it.
pub fn keep_reserve() -> Result<(), Failure> {
    if RESERVED.load(Ordering::Acquire).is_null() {
        // SAFETY: the layout has a size.
        let block = unsafe { System.alloc(RESERVE) };
        if block.is_null() {
            return Err(Failure::new(Kind::Memory, "there is not enough memory"));
        }
        store_reserve(block);
    }
    Ok(())
}

fn store_reserve(block: *mut u8) {
    if RESERVED.compare_exchange(null_mut(), block, Ordering::AcqRel, Ordering::Acquire).is_err() {
        // SAFETY: another thread was first; this block is known to nobody else.
        unsafe { System.dealloc(block, RESERVE) };
    }
}

fn spend_reserve() {
    let block = RESERVED.swap(null_mut(), Ordering::AcqRel);
    if !block.is_null() {
        // SAFETY: made by keep_reserve, and taken out by this thread alone.
        unsafe { System.dealloc(block, RESERVE) };
    }
}

/// The pointer that `allocate` gives. On a thread with a budget never null; on others after some patience only.
fn surely(allocate: impl Fn() -> *mut u8) -> *mut u8 {
    const TRIES: u32 = 200;
    let mut pointer = allocate();
    for n in 0..TRIES {
        if !pointer.is_null() {
            break;
        }
        if ROOM.try_with(Cell::get).is_ok_and(|room| room.is_some()) {
            give_up(Kind::Memory, "there is not enough memory for the template");
        }
        if n > 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        spend_reserve();
        pointer = allocate();
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
        surely(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise.
        surely(|| unsafe { System.alloc_zeroed(layout) })
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
        surely(|| unsafe { System.realloc(pointer, layout, size) })
    }
}
