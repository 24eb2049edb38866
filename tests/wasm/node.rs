//! What Node, which runs these tests, lends them: files, its environment, other scripts.

use std::path::{Path, PathBuf};

use js_sys::{Array, Function, JSON, Reflect};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};

/// The repository: the crate of these tests is two folders below it.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A published vector: where `POSTERN_VECTORS` says, else in `../shared/vectors`. Those that are fixtures of ours too are
/// always there; of others it says where everybody sees it that they were not checked, unless the folder was named.
pub(crate) fn published(file: &str) -> Option<Value> {
    let named = variable("POSTERN_VECTORS");
    let folder = named.clone().map_or_else(|| root().join("../shared/vectors"), Into::into);
    let places = [folder.join(file), root().join("fixtures").join(file)];
    let found = places.iter().find(|path| exists(path)).map(|path| read(path));
    if found.is_none() {
        assert!(named.is_none(), "no {file} in {named:?}");
        say(&format!("NOTICE: {file} not checked: set POSTERN_VECTORS to the folder of the vectors\n"));
    }
    found
}

/// The fixtures in a folder of ours.
pub(crate) fn fixtures(folder: &str) -> Vec<Value> {
    let folder = root().join("fixtures").join(folder);
    let names: Array = call(&builtin("fs"), "readdirSync", &[text(&folder)]).unchecked_into();
    names.iter().map(|name| read(&folder.join(name.as_string().unwrap()))).collect()
}

/// What a script of ours prints.
pub(crate) fn output(script: &str) -> String {
    let node = Reflect::get(&process(), &"execPath".into()).unwrap();
    let arguments = Array::of1(&text(&root().join(script)));
    let options = JSON::parse(r#"{"encoding":"utf8","maxBuffer":268435456}"#).unwrap();
    call(&builtin("child_process"), "execFileSync", &[node, arguments.into(), options]).as_string().unwrap()
}

/// Past the capture of the test harness, which would hide it in a test that passes.
pub(crate) fn say(line: &str) {
    call(&Reflect::get(&process(), &"stderr".into()).unwrap(), "write", &[line.into()]);
}

fn variable(name: &str) -> Option<String> {
    let variables = Reflect::get(&process(), &"env".into()).unwrap();
    Reflect::get(&variables, &name.into()).unwrap().as_string()
}

fn exists(path: &Path) -> bool {
    call(&builtin("fs"), "existsSync", &[text(path)]).is_truthy()
}

fn read(path: &Path) -> Value {
    let content = call(&builtin("fs"), "readFileSync", &[text(path), "utf8".into()]).as_string().unwrap();
    serde_json::from_str(&content).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn process() -> JsValue {
    Reflect::get(&js_sys::global(), &"process".into()).unwrap()
}

fn builtin(name: &str) -> JsValue {
    call(&process(), "getBuiltinModule", &[name.into()])
}

fn call(of: &JsValue, name: &str, arguments: &[JsValue]) -> JsValue {
    let function: Function = Reflect::get(of, &name.into()).unwrap().unchecked_into();
    function.apply(of, &arguments.iter().collect::<Array>()).unwrap()
}

fn text(path: &Path) -> JsValue {
    path.to_str().unwrap().into()
}
