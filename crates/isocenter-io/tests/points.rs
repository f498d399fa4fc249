//! Proves: every format gives the same points in LPS, to the bit; names with commas and quotes
//! survive; every departure from a format is refused with file, line, value and what is expected.
//! Points of two files are paired by label, else by order, and never by guess.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::Path;

use isocenter_io::points::{
    NamedImagePoint, NamedPoint, PairError, pair_points, read_image_points, read_points,
};
use isocenter_io::{FileError, FileProblem};
use nalgebra::Vector3;
use proptest::prelude::*;

/// In the layout that Slicer writes.
const FCSV: &str = r#"# Markups fiducial file version = 4.11
# CoordinateSystem = LPS
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
1,12.5,-3,250.1,0,0,0,1,1,1,0,L4 left,,vtkMRMLScalarVolumeNode1
2,-14,-3.25,1e-3,0,0,0,1,1,1,0,"L4, ""right""","a, b",
3,0.1,0.2,0.3,0,0,0,1,1,1,0,,,
"#;

/// In the layout that Slicer writes, less most of what is for its own use.
const MARKUPS: &str = r#"{
 "@schema": "https://example.org/markups-schema-v1.0.3.json#",
 "markups": [
  {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "locked": false,
   "controlPoints": [
    {"id": "1", "label": "L4 left", "position": [12.5, -3, 250.1], "selected": true,
     "orientation": [-1.0, -0.0, -0.0, -0.0, -1.0, -0.0, 0.0, 0.0, 1.0],
     "positionStatus": "defined"},
    {"id": "2", "label": "later", "position": "", "positionStatus": "undefined"},
    {"id": "3", "label": "L4, \"right\"", "position": [-14.0, -3.25, 1e-3]}
   ],
   "measurements": [], "display": {"visibility": true}},
  {"type": "Line", "controlPoints": [{"position": [0.1, 0.2, 0.3], "positionStatus": "defined"}]}
 ]
}"#;

const CSV: &str = "# a comment, \"with a quote\nx,y,z,name\n12.5,-3,250.1,L4 left\n\n\
    -14, -3.25,1e-3,\"L4, \"\"right\"\"\"\n0.1,0.2,0.3,\n";

fn points() -> Vec<NamedPoint> {
    [
        (Some("L4 left"), [12.5, -3.0, 250.1]),
        (Some("L4, \"right\""), [-14.0, -3.25, 1e-3]),
        (None, [0.1, 0.2, 0.3]),
    ]
    .map(|(name, mm)| NamedPoint { name: name.map(str::to_owned), world_mm: Vector3::from(mm) })
    .into()
}

/// The points with x and y reversed: what a file means if its numbers are in RAS.
fn reversed(points: Vec<NamedPoint>) -> Vec<NamedPoint> {
    let turn = |p: Vector3<f64>| Vector3::new(-p.x, -p.y, p.z);
    points.into_iter().map(|p| NamedPoint { world_mm: turn(p.world_mm), ..p }).collect()
}

fn read(name: &str, text: impl AsRef<[u8]>) -> Result<Vec<NamedPoint>, FileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    read_points(&path)
}

/// The one line that refuses a file.
fn refusal(name: &str, text: impl AsRef<[u8]>) -> String {
    let message = read(name, text).unwrap_err().to_string();
    assert!(message.contains(&format!("{name}: ")) && !message.contains('\n'), "{message}");
    message
}

#[track_caller]
fn assert_names(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "'{word}' is missing in: {message}");
    }
}

/// Text with one place changed.
#[track_caller]
fn swap(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from));
    text.replacen(from, to, 1)
}

#[test]
fn every_format_gives_the_same_points() {
    assert_eq!(read("a.csv", CSV).unwrap(), points());
    assert_eq!(read("A.CSV", CSV.replace('\n', "\r\n")).unwrap(), points());
    assert_eq!(read("a.csv", format!("\u{feff}{CSV}")).unwrap(), points());
    let label = swap(CSV, "x,y,z,name", "X, Y, Z, Label");
    assert_eq!(read("a.csv", label).unwrap(), points());
    assert_eq!(read("a.fcsv", FCSV).unwrap(), points());
    assert_eq!(read("a.fcsv", FCSV.replace('\n', "\r\n")).unwrap(), points());
    assert_eq!(read("a.fcsv", swap(FCSV, "= LPS", "= 1")).unwrap(), points());
    assert_eq!(read("a.mrk.json", MARKUPS).unwrap(), points());
    assert_eq!(read("a.json", MARKUPS).unwrap(), points());
    let dicom_unit = swap(MARKUPS, "\"mm\"", "[\"mm\", \"UCUM\", \"millimeter\"]");
    assert_eq!(read("a.mrk.json", dicom_unit).unwrap(), points());
}

#[test]
fn columns_may_stand_in_any_order_or_have_no_names() {
    let turned = read("a.csv", "name,z,x,y\np,3,1,2\n").unwrap();
    assert_eq!(turned[0].world_mm, Vector3::new(1.0, 2.0, 3.0));
    assert_eq!(turned[0].name.as_deref(), Some("p"));
    let turned = "# CoordinateSystem = 1\n# columns = label,z,x,y\np,3,1,2";
    assert_eq!(read("a.fcsv", turned).unwrap()[0].world_mm, Vector3::new(1.0, 2.0, 3.0));
    let bare = read("a.csv", "# x y z\n1,2,3\n 4 , 5 ,+6e0\n,,\n").unwrap();
    let mm: Vec<_> = bare.iter().map(|p| (p.name.clone(), p.world_mm)).collect();
    let [first, second] = [Vector3::new(1.0, 2.0, 3.0), Vector3::new(4.0, 5.0, 6.0)];
    assert_eq!(mm, [(None, first), (None, second)]);
}

#[test]
fn ras_is_turned_into_lps() {
    for word in ["= RAS", "= 0", "=0", "= RAS,,,,"] {
        let file = swap(FCSV, "= LPS", word);
        assert_eq!(read("a.fcsv", file).unwrap(), reversed(points()), "{word}");
    }
    // Each markup has axes of its own.
    let file = swap(MARKUPS, "\"LPS\"", "\"RAS\"");
    let expected = [&reversed(points())[..2], &points()[2..]].concat();
    assert_eq!(read("a.mrk.json", file).unwrap(), expected);
}

#[test]
fn every_departure_of_a_csv_is_named() {
    let wrong = |from, to| refusal("a.csv", swap(CSV, from, to));
    assert_names(&wrong("-3.25", "three"), &["line 5", "y is 'three'", "number of mm"]);
    assert_names(&wrong("-3.25", "NaN"), &["line 5", "y is 'NaN'", "finite"]);
    assert_names(&wrong("250.1", "1e999"), &["line 3", "z is '1e999'", "finite"]);
    assert_names(&wrong("-14", ""), &["line 5", "x is ''"]);
    assert_names(&wrong(",250.1", ""), &["line 3 has 3 fields where 4"]);
    assert_names(&wrong("L4 left", "L4, left"), &["line 3 has 5 fields", "in quotes"]);
    assert_names(&wrong("L4 left", "\"L4 left"), &["line 3", "quote", "close it"]);
    assert_names(&wrong("y,z", "z"), &["line 2", "'x,z,name'", "'y' is missing"]);
    assert_names(&wrong("x,y,z", "r,a,s"), &["line 2", "'r,a,s,name'", "'x' is missing"]);
    assert_names(&wrong("name", "size"), &["line 2", "'size' is not known", "name"]);
    assert_names(&wrong("name", "X"), &["line 2", "'x' is given a second time"]);
    assert_names(&wrong("z,name", "z,name,label"), &["'name' is given a second time"]);
    assert_names(&refusal("a.csv", "1,2,3\n1;2;3\n"), &["line 2 has 1 fields where 3"]);
    assert_names(&refusal("a.csv", "1,2,3,4\n"), &["line 1 has 4 fields where 3", "names all"]);
    assert_names(&refusal("a.csv", "1,2,c\n"), &["line 1", "z is 'c'"]);
    assert_names(&refusal("a.csv", "1,2,3\r4,5,6\r"), &["line 1 has 5 fields"]);
    for none in ["# x\n", "x,y,z\n", "\n\n", "\u{feff}"] {
        assert_names(&refusal("a.csv", none), &["no point", "at least one"]);
    }
    assert_names(&refusal("a.csv", [0xff, 0xfe, 0]), &["not a text file in UTF-8"]);
    assert_names(&refusal("a.csv", ""), &["empty"]);
    assert_names(&refusal("a.csv", vec![b' '; 5 << 20]), &["5242880 bytes", "4194304"]);
}

#[test]
fn every_departure_of_a_fcsv_is_named() {
    let wrong = |from, to| refusal("a.fcsv", swap(FCSV, from, to));
    assert_names(&wrong("= LPS", "= 2"), &["line 2", "is '2'", "LPS or RAS"]);
    assert_names(&wrong("= LPS", "= IJK"), &["line 2", "is 'IJK'", "LPS or RAS"]);
    assert_names(&wrong("# CoordinateSystem = LPS\n", ""), &["no line", "'# CoordinateSystem ="]);
    assert_names(&wrong("# columns", "# fields"), &["no line", "'# columns ='", "id,x,y,z"]);
    assert_names(&wrong("id,x,y,z", "id,r,a,s"), &["line 3", "'id,r,a,s", "'x' is missing"]);
    assert_names(&wrong("-3.25", "-3,25"), &["line 5 has 15 fields where 14"]);
    assert_names(&wrong("250.1", "inf"), &["line 4", "z is 'inf'", "finite"]);
    assert_names(&wrong("\"a, b\"", "\"a, b"), &["line 5", "quote", "close it"]);
    // Two lists put together: which axes hold?
    let twice = format!("{FCSV}{}", swap(FCSV, "= LPS", "= RAS"));
    assert_names(&refusal("a.fcsv", twice), &["line 8", "'CoordinateSystem'", "second time"]);
    let header: String = FCSV.lines().take(3).map(|line| format!("{line}\n")).collect();
    assert_names(&refusal("a.fcsv", header), &["no point"]);
    assert_names(&refusal("a.fcsv", CSV), &["'# CoordinateSystem ='", "LPS or RAS"]);
}

#[test]
fn every_departure_of_a_markups_file_is_named() {
    let wrong = |from, to| refusal("a.mrk.json", swap(MARKUPS, from, to));
    assert_names(
        &wrong("\"LPS\"", "\"IJK\""),
        &["markup 1: 'coordinateSystem' is \"IJK\"", "\"LPS\" or \"RAS\" is expected"],
    );
    assert_names(&wrong("\"LPS\"", "null"), &["'coordinateSystem' is null"]);
    assert_names(&wrong("\"mm\"", "\"um\""), &["markup 1: 'coordinateUnits' is \"um\"", "\"mm\""]);
    assert_names(&wrong("\"mm\"", "[\"um\"]"), &["'coordinateUnits' is [\"um\"]"]);
    assert_names(
        &wrong("[-14.0, -3.25, 1e-3]", "[-14.0, -3.25]"),
        &["markup 1, control point 3: 'position' is [-14.0,-3.25]", "three numbers"],
    );
    assert_names(
        &wrong("\"position\": [0.1,", "\"at\": [0.1,"),
        &["markup 2", "'position' is null"],
    );
    assert_names(&wrong("[0.1,", "[\"0.1\","), &["markup 2, control point 1: 'position' is"]);
    assert_names(&wrong("\"undefined\"", "\"gone\""), &["'positionStatus' is \"gone\""]);
    assert_names(&wrong("\"L4 left\"", "4"), &["control point 1: 'label' is 4", "a text"]);
    assert_names(&wrong("[0.1,", "[NaN,"), &["line 13", "key 'position'", "'NaN'"]);
    assert_names(&wrong("[0.1,", "[1e999,"), &["'1e999'", "out of range"]);
    assert_names(
        &wrong("\"markups\"", "\"marks\""),
        &["missing field `markups`", "Slicer markups"],
    );
    assert_names(
        &wrong("\"id\"", "\"label\": \"\", \"id\""),
        &["duplicate field `label`", "line 6"],
    );
    assert_names(&refusal("a.mrk.json", &MARKUPS[..200]), &["EOF"]);
    assert_names(&refusal("a.json", r#"{"markups": [{"type": "Fiducial"}]}"#), &["no point"]);
    assert_names(&refusal("a.json", [b'"', 0xff]), &["not a text file", "Slicer markups"]);
    let deep = format!(r#"{{"markups": [], "display": {}"#, "[".repeat(1 << 20));
    assert_names(&refusal("a.json", deep), &["line 1"]);
}

#[test]
fn names_that_are_no_point_files_are_refused() {
    assert_names(&refusal("a.txt", CSV), &["'.txt'", ".csv, .fcsv, .mrk.json"]);
    let missing = read_points("no/a.csv").unwrap_err().to_string();
    assert_eq!(missing, "no/a.csv: there is no such file: check the path");
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read_points(folder.path()).unwrap_err().problem, FileProblem::IsFolder));
    assert!(read_points(Path::new("")).is_err());
}

fn read_image(name: &str, text: impl AsRef<[u8]>) -> Result<Vec<NamedImagePoint>, FileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    read_image_points(&path)
}

fn image_point(name: Option<&str>, image_px: [f64; 2]) -> NamedImagePoint {
    NamedImagePoint { name: name.map(str::to_owned), image_px }
}

#[test]
fn points_in_an_image_have_columns_rows_and_labels() {
    let expected =
        [image_point(Some("L4"), [12.5, 3.0]), image_point(Some("L5, left"), [-0.5, 1e2])];
    for text in [
        "label,u,v\nL4,12.5,3\n\"L5, left\",-0.5,1e2\n",
        "L4,12.5,3\n\"L5, left\",-0.5,1e2\n",
        "# clicked twice\r\nV,Name,U\r\n3,L4,12.5\r\n,,\r\n100,\"L5, left\",-0.5\r\n",
        "\u{feff}label,u,v\nL4,12.5,3\n\"L5, left\",-0.5,100",
    ] {
        assert_eq!(read_image("a.csv", text).unwrap(), expected, "{text}");
    }
    let bare = [image_point(None, [12.5, 3.0]), image_point(None, [7.0, 8.0])];
    assert_eq!(read_image("a.csv", "12.5,3\n7,8\n").unwrap(), bare);
    assert_eq!(read_image("a.csv", "u,v\n12.5,3\n7,8\n").unwrap(), bare);
    // Labels may be numbers.
    let numbered = [image_point(Some("1"), [12.5, 3.0])];
    assert_eq!(read_image("a.CSV", "1,12.5,3\n").unwrap(), numbered);
}

#[test]
fn every_departure_of_points_in_an_image_is_named() {
    let wrong = |text: &str| {
        let message = read_image("a.csv", text).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    };
    assert_names(&wrong("u,v\n1,two\n"), &["line 2: v is 'two'", "number of px"]);
    assert_names(&wrong("u,v\n1,NaN\n"), &["line 2: v is 'NaN'", "finite"]);
    assert_names(&wrong("L4,1e999,2\n"), &["line 1: u is '1e999'"]);
    assert_names(&wrong("L4,1,2\n3,4\n"), &["line 2 has 2 fields where 3"]);
    assert_names(&wrong("1,2\nL4,3,4\n"), &["line 2 has 3 fields where 2"]);
    assert_names(&wrong("1,2,3,4\n"), &["line 1 has 4 fields where 2"]);
    assert_names(&wrong("x,y\n1,2\n"), &["line 1", "'x,y'", "'u' is missing", "px"]);
    assert_names(&wrong("u,v,z\n1,2,3\n"), &["'z' is not known", "u, v (px"]);
    assert_names(&wrong("u,u,v\n1,2,3\n"), &["'u' is given a second time"]);
    assert_names(&wrong("u,v\n"), &["no point"]);
    assert_names(&wrong(""), &["empty"]);
    let message = read_image("a.fcsv", FCSV).unwrap_err().to_string();
    assert_names(&message, &["'.fcsv'", ".csv"]);
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read_image_points(folder.path()).unwrap_err().problem, FileProblem::IsFolder));
}

#[test]
fn points_are_paired_by_label_or_by_order() {
    let patient = |names: &[Option<&str>]| -> Vec<NamedPoint> {
        let point = |(at, name): (usize, &Option<&str>)| NamedPoint {
            name: name.map(str::to_owned),
            world_mm: Vector3::repeat(at as f64),
        };
        names.iter().enumerate().map(point).collect()
    };
    let image = |names: &[Option<&str>]| -> Vec<NamedImagePoint> {
        names.iter().enumerate().map(|(at, name)| image_point(*name, [at as f64; 2])).collect()
    };
    let pair = |p: &[Option<&str>], i: &[Option<&str>]| {
        let paired = pair_points(&patient(p), &image(i))?;
        let pairs: Vec<(f64, f64)> =
            paired.landmarks.iter().map(|l| (l.world_mm.x, l.image_px[0])).collect();
        Ok::<_, PairError>((pairs, paired.names.join(" "), paired.not_seen.join(" ")))
    };
    let (a, b, c) = (Some("a"), Some("b"), Some("c"));
    let found = |pairs: &[(f64, f64)], names: &str, not_seen: &str| {
        Ok((pairs.to_vec(), names.to_owned(), not_seen.to_owned()))
    };
    assert_eq!(pair(&[a, b, c], &[c, a]), found(&[(2.0, 0.0), (0.0, 1.0)], "c a", "b"));
    let in_order = [(0.0, 0.0), (1.0, 1.0)];
    assert_eq!(pair(&[None, None], &[None, None]), found(&in_order, "1 2", ""));
    assert_eq!(pair(&[a, b], &[None, None]), found(&in_order, "a b", ""));
    assert_eq!(pair(&[None, None], &[a, None]), found(&in_order, "a 2", ""));

    let refusal = |p: &[Option<&str>], i: &[Option<&str>]| pair(p, i).unwrap_err().to_string();
    assert_names(&refusal(&[a, b, c], &[None; 2]), &["3 points in the patient and 2", "labels"]);
    assert_names(&refusal(&[a, b], &[a, Some("B")]), &["'B'", "'a', 'b'", "correct"]);
    assert_names(&refusal(&[a, a], &[a, b]), &["in the patient", "'a'"]);
    assert_names(&refusal(&[a, b], &[b, b]), &["in the image", "'b'"]);
    assert_names(&refusal(&[a, None], &[a, b]), &["point 2", "in the patient", "no label"]);
    assert_names(&refusal(&[a, b], &[None, b]), &["point 1", "in the image", "no label"]);
}

proptest! {
    #[test]
    fn what_is_quoted_reads_back(
        rows in prop::collection::vec(("[^\n]{0,9}", prop::array::uniform3(-1e9..1e9)), 1..9),
    ) {
        let mut text = "name,x,y,z\n".to_owned();
        for (name, [x, y, z]) in &rows {
            text += &format!("\"{}\",{x:?},{y:?},{z:?}\n", name.replace('"', "\"\""));
        }
        let points = read("a.csv", text).unwrap();
        prop_assert_eq!(points.len(), rows.len());
        for (point, (name, mm)) in points.iter().zip(&rows) {
            prop_assert_eq!(point.world_mm, Vector3::from(*mm));
            let name = name.trim();
            prop_assert_eq!(point.name.as_deref(), (!name.is_empty()).then_some(name));
        }
    }
}
