use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, Instruction, Module, RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{Operator, Parser, Payload, Validator};

use super::ordered;

/// Functions of [`module`], as they lie there: the type of each, and the number it returns. Two are twins, and another
/// has the bytes of those under another type.
const FUNCTIONS: [(u32, i32); 8] = [(0, 5), (1, 3), (0, 1), (1, 4), (0, 2), (1, 0), (0, 1), (1, 1)];
/// The twins among them, counted with the imported one.
const TWINS: [u32; 2] = [3, 7];
/// All but the imported one: two that call a twin each come after those, and one that calls all others.
const ALL: u32 = 11;

/// A module of functions in no order. One is imported. Each other one is exported by its number, and stands in a table.
fn module() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32], [ValType::I32]);
    let mut imports = ImportSection::new();
    imports.import("outside", "zero", EntityType::Function(0));
    let (mut functions, mut code, mut exports) = (FunctionSection::new(), CodeSection::new(), ExportSection::new());
    for (kind, answer) in FUNCTIONS {
        functions.function(kind);
        let mut body = Function::new([]);
        body.instructions().i32_const(answer).end();
        code.function(&body);
    }
    for twin in TWINS {
        functions.function(0);
        let mut body = Function::new([]);
        body.instructions().call(twin).end();
        code.function(&body);
    }
    functions.function(0);
    let mut caller = Function::new([]);
    for number in 0..ALL {
        if FUNCTIONS.get((number as usize).wrapping_sub(1)).is_some_and(|(kind, _)| *kind == 1) {
            caller.instruction(&Instruction::I32Const(9));
        }
        caller.instructions().call(number).drop();
    }
    caller.instructions().i32_const(0).end();
    code.function(&caller);
    for number in 1..=ALL {
        exports.export(&number.to_string(), ExportKind::Func, number);
    }
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 12,
        maximum: None,
        shared: false,
    });
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions((0..=ALL).collect::<Vec<u32>>().into()));
    let mut out = Module::new();
    out.section(&types).section(&imports).section(&functions).section(&tables).section(&exports);
    out.section(&elements).section(&code);
    out.finish()
}

/// What a module has, in the order that it has it in.
#[derive(Default)]
struct Read {
    types: Vec<u32>,
    /// The number that each function returns, or none for those that call others.
    answers: Vec<Option<i32>>,
    calls: Vec<u32>,
    exports: Vec<(String, u32)>,
    table: Vec<u32>,
}

impl Read {
    fn of(module: &[u8]) -> Self {
        let mut read = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload.unwrap() {
                Payload::FunctionSection(section) => read.types = section.into_iter().map(Result::unwrap).collect(),
                Payload::ExportSection(section) => {
                    let exports = section.into_iter().map(Result::unwrap);
                    read.exports = exports.map(|export| (export.name.to_owned(), export.index)).collect();
                }
                Payload::ElementSection(section) => {
                    for element in section {
                        let wasmparser::ElementItems::Functions(items) = element.unwrap().items else { panic!() };
                        read.table = items.into_iter().map(Result::unwrap).collect();
                    }
                }
                Payload::CodeSectionEntry(body) => read.body(&body),
                _ => {}
            }
        }
        read
    }

    fn body(&mut self, body: &wasmparser::FunctionBody<'_>) {
        let operators: Vec<_> = body.get_operators_reader().unwrap().into_iter().map(Result::unwrap).collect();
        let calls = operators.iter().filter_map(|operator| match operator {
            Operator::Call { function_index } => Some(*function_index),
            _ => None,
        });
        self.calls.extend(calls);
        self.answers.push(match operators.as_slice() {
            [Operator::I32Const { value }, Operator::End] => Some(*value),
            _ => None,
        });
    }

    /// What the function of a number returns; `None` for those that call others and the imported one.
    fn answer(&self, number: u32) -> Option<i32> {
        self.answers.get(number.checked_sub(1)? as usize).copied().flatten()
    }
}

#[test]
fn functions_that_look_alike_lie_beside_each_other() {
    let read = Read::of(&ordered(&module()).unwrap());
    assert_eq!(read.types, [0, 0, 0, 0, 0, 1, 1, 1, 1], "by their types");
    assert_eq!(read.answers[5..], [Some(0), Some(1), Some(3), Some(4)], "and then by what is in them");
}

#[test]
fn twins_become_one_and_so_do_those_that_call_them() {
    let (before, after) = (Read::of(&module()), Read::of(&ordered(&module()).unwrap()));
    assert_eq!((before.types.len(), after.types.len()), (11, 9));
    let ones = after.answers.iter().filter(|answer| **answer == Some(1)).count();
    assert_eq!(ones, 2, "the one of another type is another function");
    let exported = |number: usize| after.exports[number - 1].1;
    assert_eq!((exported(3), exported(9)), (exported(7), exported(10)));
}

#[test]
fn calls_exports_and_tables_name_the_same_functions_as_before() {
    let (before, module) = (Read::of(&module()), ordered(&module()).unwrap());
    Validator::new().validate_all(&module).expect("calls meet the types that they had");
    let after = Read::of(&module);
    let answers = |read: &Read, numbers: &[u32]| numbers.iter().map(|&number| read.answer(number)).collect::<Vec<_>>();
    assert_ne!(before.table, after.table, "their numbers are others");
    assert_eq!(answers(&before, &before.table), answers(&after, &after.table));
    assert_eq!((before.table[0], after.table[0]), (0, 0), "an imported function keeps its number");
    for ((name, old), (again, new)) in before.exports.iter().zip(&after.exports) {
        assert_eq!((name, before.answer(*old)), (again, after.answer(*new)));
    }
    let caller = after.calls.iter().position(|number| *number == 0).unwrap();
    assert_eq!(after.calls[caller..caller + 11], after.table[..11], "it calls all that the table names, in its order");
}

#[test]
fn an_ordered_module_stays_as_it_is_and_what_is_no_module_is_refused() {
    let once = ordered(&module()).unwrap();
    assert_eq!(ordered(&once).unwrap(), once);
    assert!(ordered(b"<!doctype html>").is_err());
    assert!(ordered(&once[..once.len() - 1]).is_err());
}
