//! Work on a thread of its own with a large stack, waited for until a deadline.
//!
//! The thread is made by the system's own calls, and waited for without a handle of the caller's: the standard library
//! takes the memory of its thread handles from the system, past the allocator of memory.rs, and where there is none it
//! ends the process.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Failure, Kind};
use crate::memory::{self, Outcome};

/// Where a thread leaves what came of its work; the first outcome stays.
#[derive(Default)]
pub struct Slot {
    outcome: Mutex<Option<Outcome>>,
    told: Condvar,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Outcome>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put(&self, outcome: Outcome) {
        let mut place = self.lock();
        if place.is_none() {
            *place = Some(outcome);
        }
        self.told.notify_all();
    }

    fn wait(&self, most: Duration) -> Option<Outcome> {
        let waited = self.told.wait_timeout_while(self.lock(), most, |place| place.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }
}

/// What `work` gives, or that it takes too much memory or time; it is then left behind, on a thread with what it has.
pub fn run<F>(stack_bytes: usize, memory_bytes: u64, most: Duration, work: F) -> Outcome
where
    F: FnOnce() -> Outcome + Send + 'static,
{
    // Leaked when the thread is left behind, taken back below otherwise.
    let slot: &'static Slot = Box::leak(Box::default());
    let whole = move || {
        memory::limit(memory_bytes, slot);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        memory::release();
        slot.put(result.unwrap_or_else(|_| Err(Failure::new(Kind::Internal, "the template engine failed"))));
    };
    let thread = match start(stack_bytes, Box::new(Box::new(whole))) {
        Ok(thread) => thread,
        Err(code) => {
            let error = std::io::Error::from_raw_os_error(code);
            // SAFETY: made by Box::leak above; no thread knows of it.
            drop(unsafe { Box::from_raw(std::ptr::from_ref(slot).cast_mut()) });
            return Err(Failure::new(Kind::Internal, format!("no thread for the template: {error}")));
        }
    };
    let outcome = slot.wait(most);
    // The thread goes on until its fuel is spent; it owns all that it works on.
    let outcome = outcome.unwrap_or_else(|| Err(Failure::new(Kind::Abandoned, "the template takes too much time")));
    if matches!(&outcome, Err(Failure { kind: Kind::Abandoned | Kind::Memory, .. })) {
        // SAFETY: a thread that was neither joined nor detached.
        unsafe { libc::pthread_detach(thread) };
    } else {
        // SAFETY: as above; then the slot's only other user has ended.
        unsafe { libc::pthread_join(thread, null_mut()) };
        drop(unsafe { Box::from_raw(std::ptr::from_ref(slot).cast_mut()) });
    }
    outcome
}

type Work = Box<dyn FnOnce() + Send>;

extern "C" fn begin(work: *mut c_void) -> *mut c_void {
    // SAFETY: made by Box::into_raw in `start`, for this thread alone. Work catches what it throws.
    let work = unsafe { Box::from_raw(work.cast::<Work>()) };
    work();
    null_mut()
}

/// The system's error number where there is no thread to be had; the work is dropped then.
fn start(stack_bytes: usize, work: Box<Work>) -> Result<libc::pthread_t, i32> {
    let work = Box::into_raw(work);
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the attributes are made, used and ended here; the thread takes the work over where it begins.
    let code = unsafe {
        match libc::pthread_attr_init(attributes.as_mut_ptr()) {
            0 => {
                let code = match libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack_bytes) {
                    0 => libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), begin, work.cast()),
                    code => code,
                };
                libc::pthread_attr_destroy(attributes.as_mut_ptr());
                code
            }
            code => code,
        }
    };
    if code != 0 {
        // SAFETY: made by Box::into_raw above; no thread has it.
        drop(unsafe { Box::from_raw(work) });
        return Err(code);
    }
    // SAFETY: pthread_create has written it.
    Ok(unsafe { thread.assume_init() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_panics_and_delays_are_told() {
        let second = Duration::from_secs(1);
        assert_eq!(run(1 << 20, 1 << 20, second, || Ok("done".into())).unwrap(), "done");
        let failed = run(1 << 20, 1 << 20, second, || panic!("no"));
        assert!(matches!(failed, Err(Failure { kind: Kind::Internal, .. })));
        let late = run(1 << 20, 1 << 20, Duration::from_millis(10), || {
            std::thread::sleep(Duration::from_millis(200));
            Ok(String::new())
        });
        assert!(matches!(late, Err(Failure { kind: Kind::Abandoned, .. })));
        assert!(matches!(
            run(usize::MAX / 2, 1, second, || Ok(String::new())),
            Err(Failure { kind: Kind::Internal, .. })
        ));
    }
}
