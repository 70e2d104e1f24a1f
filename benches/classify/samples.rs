//! Text that does not repeat, and messages of one part that hold it.
//!
//! A sample said over and over shows the machine at its best: everything it
//! needs is at hand after the first time. Mail is not like that.

use std::io::{Cursor, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use zip::{ZipWriter, write::SimpleFileOptions};

/// Prose with a clinical letter every so often.
pub fn mixed(octets: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    let words: Vec<&str> = WORDS.split(' ').collect();
    let mut text = String::with_capacity(octets + 512);
    while text.len() < octets {
        match random.usize(..12) {
            0 => letter(&mut random, &mut text),
            _ => paragraph(&mut random, &words, &mut text),
        }
    }
    text
}

fn paragraph(random: &mut fastrand::Rng, words: &[&str], text: &mut String) {
    for _ in 0..random.usize(20..80) {
        match random.usize(..40) {
            0 => text.push_str(&format!("{} ", random.u32(..3000))),
            1 => text.push_str(". The "),
            2 => text.push_str(", "),
            // Words that no list has.
            3 => {
                let letters = (0..random.usize(3..11)).map(|_| random.lowercase());
                text.extend(letters);
                text.push(' ');
            }
            _ => {
                text.push_str(random.choice(words).unwrap_or(&""));
                text.push(' ');
            }
        }
    }
    text.push_str("\r\n\r\n");
}

fn letter(random: &mut fastrand::Rng, text: &mut String) {
    let name = random.choice(NAMES).unwrap_or("Jane");
    let (day, month, year) = (random.u8(1..29), random.u8(1..13), random.u16(1930..2010));
    text.push_str(&format!(
        "Re: {name} Example, DOB {day:02}/{month:02}/{year}, hospital no {}\r\n{} High Street, \
         Exampleton. Tel 01632 960{:03}\r\n\r\nThank you for seeing {name}, who has {} and {}. \
         I have started {} {} mg once daily.\r\n\r\n",
        random.u32(100_000..10_000_000),
        random.u8(1..),
        random.u16(..1000),
        random.choice(CONDITIONS).unwrap_or("asthma"),
        random.choice(CONDITIONS).unwrap_or("asthma"),
        random.choice(MEDICINES).unwrap_or("aspirin"),
        random.u16(1..500),
    ));
}

/// A message whose one part is of this type.
pub fn message(media: &str, octets: &[u8]) -> Vec<u8> {
    let head = format!(
        "From: a@sender.example\r\nTo: b@recipient.example\r\nSubject: A part\r\nMIME-Version: 1.0\r\n\
         Content-Type: {media}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    );
    let mut message = head.into_bytes();
    for line in octets.chunks(57) {
        message.extend(STANDARD.encode(line).into_bytes());
        message.extend(b"\r\n");
    }
    message
}

/// A message of one part of 8 bits, as it stands.
pub fn message_of_text(media: &str, text: &str) -> Vec<u8> {
    let head = format!(
        "From: a@sender.example\r\nTo: b@recipient.example\r\nSubject: A part\r\nMIME-Version: 1.0\r\n\
         Content-Type: {media}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    );
    (head + text).into_bytes()
}

pub fn html(text: &str) -> String {
    let paragraphs =
        text.split("\r\n\r\n").map(|text| format!("<p style=\"margin:0\">{text}</p>\r\n"));
    format!("<html><body>\r\n{}</body></html>", paragraphs.collect::<String>())
}

pub fn docx(text: &str) -> zip::result::ZipResult<Vec<u8>> {
    let paragraph =
        |text: &str| format!("<w:p><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>");
    let body: String = text.lines().map(paragraph).collect();
    let document = format!(
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
         <w:body>{body}</w:body></w:document>"
    );
    archive(&[
        ("[Content_Types].xml", &types("/word/document.xml", "wordprocessingml.document")),
        ("word/document.xml", &document),
    ])
}

pub fn xlsx(text: &str) -> zip::result::ZipResult<Vec<u8>> {
    let cell = |word: &str| format!("<c t=\"inlineStr\"><is><t>{word}</t></is></c>");
    let row = |line: &str| format!("<row>{}</row>", line.split(' ').map(cell).collect::<String>());
    let rows: String = text.lines().map(row).collect();
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let workbook = format!(
        "<workbook xmlns=\"{main}\" xmlns:r=\"{links}\"><sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    let relations = format!(
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"rId1\" Type=\"{links}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
    );
    archive(&[
        ("[Content_Types].xml", &types("/xl/workbook.xml", "spreadsheetml.sheet")),
        ("xl/workbook.xml", &workbook),
        ("xl/_rels/workbook.xml.rels", &relations),
        (
            "xl/worksheets/sheet1.xml",
            &format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ])
}

fn types(part: &str, kind: &str) -> String {
    format!(
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Override PartName=\"{part}\" ContentType=\"application/vnd.openxmlformats-officedocument.{kind}.main+xml\"/></Types>"
    )
}

fn archive(files: &[(&str, &str)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default())?;
        writer.write_all(content.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}

/// A page for every forty lines.
pub fn pdf(text: &str) -> Vec<u8> {
    let lines: Vec<&str> = text.lines().collect();
    let pages: Vec<String> = lines.chunks(40).map(page).collect();
    let kids: String = (0..pages.len()).map(|at| format!("{} 0 R ", 4 + 2 * at)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Count {}/Kids[{kids}]>>", pages.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    for (at, page) in pages.iter().enumerate() {
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents {} 0 R>>",
            5 + 2 * at
        ));
        objects.push(format!("<</Length {}>>\nstream\n{page}\nendstream", page.len()));
    }
    let mut file = "%PDF-1.4\n".to_owned();
    let mut places = String::new();
    for (at, object) in objects.iter().enumerate() {
        places.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", at + 1));
    }
    let (start, size) = (file.len(), objects.len() + 1);
    file.push_str(&format!(
        "xref\n0 {size}\n0000000000 65535 f \n{places}trailer\n<</Root 1 0 R/Size {size}>>\nstartxref\n{start}\n%%EOF\n"
    ));
    file.into_bytes()
}

fn page(lines: &[&str]) -> String {
    let shown = |line: &&str| {
        format!("({}) Tj T*\n", line.replace('\\', "").replace('(', "\\(").replace(')', "\\)"))
    };
    format!("BT /F1 9 Tf 12 TL 30 800 Td\n{}ET", lines.iter().map(shown).collect::<String>())
}

/// A result for every paragraph.
pub fn hl7(text: &str) -> String {
    let mut message = "MSH|^~\\&|LAB|ZZ999|GP|ZZ998|20250211||ORU^R01|1|P|2.4\r\
                       PID|1||9990000018^^^NHS||EXAMPLE^JANE||19610304|F\r"
        .to_owned();
    for (at, paragraph) in text.split("\r\n\r\n").enumerate() {
        let text = paragraph.replace(['|', '^', '~', '\\', '&', '\r', '\n'], " ");
        message.push_str(&format!("OBX|{at}|FT|NOTE^Note||{text}||||||F\r"));
    }
    message
}

/// Comma-separated, with a heading.
pub fn table(octets: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    let mut table = "job,when,where,lines,price,state,telephone,postcode\r\n".to_owned();
    while table.len() < octets {
        table.push_str(&format!(
            "{},2025-{:02}-{:02} 09:{:02}:02,ward {},{},{}.20,delivered,01632 960{:03},ZE1 {}AA\r\n",
            random.u32(1_000_000..10_000_000),
            random.u8(1..13),
            random.u8(1..29),
            random.u8(..60),
            random.u8(1..30),
            random.u8(1..9),
            random.u16(1..900),
            random.u16(..1000),
            random.u8(..10),
        ));
    }
    table
}

/// Times, addresses and numbers of every length.
pub fn log(octets: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    let mut log = String::with_capacity(octets + 256);
    while log.len() < octets {
        log.push_str(&format!(
            "2025-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z host{} relay[{}]: {:012X}: to=<user{}@mail{}.example>, \
             delay={}.{:02}, size={}, status=sent (250 2.0.0 queued as {} {:010})\r\n",
            random.u8(1..13),
            random.u8(1..29),
            random.u8(..24),
            random.u8(..60),
            random.u8(..60),
            random.u32(..1_000_000),
            random.u8(1..9),
            random.u16(..),
            random.u64(..1 << 48),
            random.u16(..),
            random.u8(1..30),
            random.u8(..60),
            random.u8(..100),
            random.u32(..10_000_000),
            random.u32(..),
            random.u64(..10_000_000_000),
        ));
    }
    log
}

const NAMES: [&str; 8] =
    ["Jane", "Albert", "Priya", "Oluwaseun", "Bronwen", "Xiu", "Tomasz", "Fatima"];
const CONDITIONS: [&str; 10] = [
    "atrial fibrillation",
    "type 2 diabetes",
    "hypertension",
    "asthma",
    "rheumatoid arthritis",
    "epilepsy",
    "chronic kidney disease",
    "heart failure",
    "psoriasis",
    "migraine",
];
const MEDICINES: [&str; 8] = [
    "furosemide",
    "apixaban",
    "metformin",
    "ramipril",
    "salbutamol",
    "lansoprazole",
    "atorvastatin",
    "sertraline",
];

const WORDS: &str = "the of and to in is it that for was on are with as at be this have from or by one had not but \
what all were when we there can an your which their said if do will each about how up out them then she many some so \
these would other into has more her two like him see time could no make than first been its who now people my made \
over did down only way find use may water long little very after words called just where most know get through back \
much before go good new write our used me man too any day same right look think also around another came come work \
three word must because does part even place well such here take why things help put years different away again off \
went old number great tell men say small every found still between name should home big give air line set own under \
read last never us left end along while might next sound below saw something thought both few those always looked \
show large often together asked house going want school important until form food keep children feet land side \
without boy once animals life enough took sometimes four head above kind began almost live page got earth need far \
hand high year mother light parts country father let night following picture being study second eyes soon times story \
boys since white days ever paper hard near sentence better best across during today others however sure means knew \
its try told young miles sun ways thing whole hear example heard several change answer room sea against top turned \
learn point city play toward five using himself usually money seen car morning meeting budget report contract agenda \
minutes supplier steering builders fencing finance weather fortnight delivery invoice training rota annual leave \
committee policy department manager building parking newsletter survey website conference feedback deadline project";
