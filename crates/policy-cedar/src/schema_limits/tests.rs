use postern::policy::{Bundle, PolicyProblem};

use super::super::PolicySet;
use super::super::testing::Asking;

fn parse(schema: &str, policies: &str) -> Result<PolicySet, Vec<PolicyProblem>> {
    let files = [("a.cedarschema", schema), ("a.cedar", policies)];
    PolicySet::parse(&Bundle::new(files.map(|(name, text)| (name.to_owned(), text.to_owned())).into()).unwrap())
}

/// As in an isolate, whose stack is as small.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[track_caller]
fn refused(schema: &str, about: &str) {
    let (schema, about) = (schema.to_owned(), about.to_owned());
    on_a_small_stack(move || {
        let head: String = schema.chars().take(200).collect();
        let problems = parse(&schema, "permit(principal, action, resource);").expect_err(&head);
        assert!(problems[0].message.contains(&about), "{head}: {problems:?}");
    });
}

#[track_caller]
fn taken(schema: String) {
    on_a_small_stack(move || {
        let head: String = schema.chars().take(200).collect();
        let set =
            parse(&schema, "permit(principal, action, resource);").unwrap_or_else(|why| panic!("{head}: {why:?}"));
        assert!(set.decide(&Asking::default().input()).allows());
    });
}

/// `entity E1 in [E0];` and so on.
fn chain(of: &str, length: usize) -> String {
    let link = |at: usize| match (of, at) {
        ("type", 0) => "entity E0;\n".to_owned(),
        ("type", at) => format!("entity E{at} in [E{}];\n", at - 1),
        ("action", 0) => "action \"a0\";\n".to_owned(),
        ("action", at) => format!("action \"a{at}\" in [\"a{}\"];\n", at - 1),
        ("spaces", 0) => "namespace n0 { entity E; action \"a\"; }\n".to_owned(),
        (_, at) => {
            format!("namespace n{at} {{ entity E in [n{0}::E]; action \"a\" in [n{0}::Action::\"a\"]; }}\n", at - 1)
        }
    };
    (0..length).map(link).collect()
}

fn circle(length: usize) -> String {
    (0..length).map(|at| format!("entity E{at} in [E{}];\n", (at + 1) % length)).collect()
}

#[test]
fn chains_of_types_and_of_actions_end_before_the_stack_does() {
    for of in ["type", "action", "spaces"] {
        taken(chain(of, 32));
        refused(&chain(of, 33), "for more than 32 steps");
    }
    // Within one namespace, where names go without it.
    for of in ["type", "action"] {
        let within = |length: usize| format!("namespace n {{\n{}}}", chain(of, length));
        taken(within(32));
        refused(&within(33), "for more than 32 steps");
    }
    for (of, about) in
        [("type", "types of entities"), ("action", "expected at most 500 actions"), ("spaces", "types of")]
    {
        refused(&chain(of, 3000), about);
    }
    refused(&chain("type", 6000), "expected at most 200 types of entities, found 6000");
}

#[test]
fn circles_of_types_are_short() {
    taken("entity a in [a];".to_owned());
    taken(circle(32));
    refused(&circle(33), "for more than 32 steps");
}

#[test]
fn so_many_types_and_actions_are_taken_and_no_more() {
    let types =
        |count: usize| format!("entity {};", (0..count).map(|at| format!("e{at}")).collect::<Vec<_>>().join(", "));
    taken(types(200));
    refused(&types(201), "expected at most 200 types of entities, found 201");
    let actions = |count: usize| (0..count).map(|at| format!("action \"a{at}\";")).collect::<String>();
    taken(actions(500));
    refused(&actions(501), "expected at most 500 actions, found 501");
}

/// `actions` actions, each for so many types of principals and of resources.
fn product(actions: usize, principals: usize, resources: usize) -> String {
    let list = |name: &str, count: usize| (0..count).map(|at| format!("{name}{at}")).collect::<Vec<_>>().join(", ");
    let (principals, resources) = (list("p", principals), list("r", resources));
    let named = list("\"a", actions).replace(',', "\",") + "\"";
    format!(
        "entity {principals}; entity {resources}; action {named} appliesTo \
         {{ principal: [{principals}], resource: [{resources}] }};"
    )
}

#[test]
fn what_is_multiplied_is_counted_before_it_is_checked() {
    taken(product(10, 10, 10));
    refused(&product(20, 40, 40), "expected at most 1000 combinations");
    refused(&product(11, 10, 10), "expected at most 1000 combinations");
    // Many policies, of which each is checked for each of the combinations.
    let long = "permit(principal, action, resource) when { context == context && context == context };\n";
    let why = parse(&product(10, 10, 10), &long.repeat(700)).unwrap_err();
    assert!(why[0].message.contains("combinations") && why[0].message.contains("operators"), "{why:?}");
    assert!(parse(&product(2, 2, 2), &long.repeat(700)).is_ok());
}

#[test]
fn to_check_policies_costs_something_without_a_schema_and_without_an_operator_too() {
    let of = |count: usize, text: &str| Bundle::new([("a.cedar".to_owned(), text.repeat(count))].into()).unwrap();
    let long = format!("permit(principal, action, resource) when {{ {} }};\n", ["1==1"; 40].join("&&"));
    assert!(PolicySet::parse(&of(300, &long)).is_ok());
    let Err(why) = PolicySet::parse(&of(700, &long)) else { panic!("taken") };
    assert!(why[0].message.contains("each to be checked for 30 combinations"), "{why:?}");
    let short = "permit(principal, action, resource);\n";
    assert!(parse(&product(10, 10, 10), &short.repeat(400)).is_ok());
    let Err(why) = parse(&product(10, 10, 10), &short.repeat(600)) else { panic!("taken") };
    assert!(why[0].message.contains("each to be checked for 1030 combinations"), "{why:?}");
}

#[test]
fn ours_are_counted_rightly() {
    let schema = super::super::schema::SCHEMA;
    let ours =
        super::Fragment::from_cedarschema_str(schema, cedar_policy_core::extensions::Extensions::all_available());
    let (ours, _warnings) = ours.unwrap();
    assert_eq!(super::combinations(&vec![ours]), super::OURS);
}

#[test]
#[ignore = "measures, and proves nothing"]
fn of_checking_the_most_that_is_taken() {
    let long = "permit(principal, action, resource) when { context == context && context == context };\n";
    let began = std::time::Instant::now();
    assert!(parse(&product(10, 10, 10), &long.repeat(160)).is_ok());
    println!("{:?}", began.elapsed());
}
