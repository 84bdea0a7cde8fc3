//! Starting a child that is to die with this process.
//!
//! The kernel sends the signal of `setpriv --pdeathsig` when the *thread* that started the child ends (prctl(2)), so one thread
//! starts them all and lives as long as the process.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};

type Order = (Command, Sender<io::Result<Child>>);

static ORDERS: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();

fn start() -> Mutex<Sender<Order>> {
    let (orders, wanted) = channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, answer) in wanted {
            let _ = answer.send(command.spawn());
        }
    });
    Mutex::new(orders)
}

/// Starts it.
pub fn spawn(command: Command) -> io::Result<Child> {
    let (answer, started) = channel();
    let orders = ORDERS.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner);
    orders.send((command, answer)).map_err(io::Error::other)?;
    drop(orders);
    started.recv().map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_outlives_the_thread_that_asked_for_it() {
        let asked = || {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "--", "sleep", "30"]);
            spawn(command)
        };
        let Ok(mut child) = std::thread::spawn(asked).join().unwrap() else { return };
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(child.try_wait().unwrap().is_none(), "it died with the thread");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
