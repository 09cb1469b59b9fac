//! Runs the service until it is interrupted. See the library's page for what it does.

use mementos_service::{Asked, Running, Settings, USAGE};
use std::error::Error;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    match Settings::read(std::env::args_os().skip(1)) {
        Err(message) => {
            eprintln!("mementos-service: {message}");
            ExitCode::from(2)
        }
        Ok(Asked::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Asked::Run(settings)) => match run(*settings) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("mementos-service: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

#[tokio::main]
async fn run(settings: Settings) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let running = Running::start(settings).await?;
    println!("service: http://{}", running.address());
    println!("upstream: http://{}", running.upstream());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    running.stop().await;
    Ok(())
}
