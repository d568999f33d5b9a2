//! Compiles `proto/` with protox, so that a build needs no `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let proto = PathBuf::from("../../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(proto.join("rollcall/v1"))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut compiler = protox::Compiler::new([&proto])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(files)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is set by cargo")?);
    fs::write(
        out.join("rollcall.v1.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    // The comments stand in `proto/`; repeated here, rustdoc would read them as ours.
    prost_build::Config::new()
        .disable_comments(["."])
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
