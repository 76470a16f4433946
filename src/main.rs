//! The `devbox` binary: calls the library and exits with its code.

fn main() -> std::process::ExitCode {
    devbox::cli::main()
}
