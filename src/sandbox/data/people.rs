//! The patients, those who treat them, and where.

use serde_json::{Value, json};

/// A patient: identifier, given names, family name, gender, birth date, medical record number, the
/// practitioner.
type Row =
    (&'static str, &'static [&'static str], &'static str, &'static str, &'static str, u32, &'static str);

#[rustfmt::skip]
const PATIENTS: [Row; 12] = [
    ("rivera",       &["Pat"],               "Rivera",       "female", "1984-02-29", 10_001, "adams"),
    ("rivera-child", &["Sam"],               "Rivera",       "male",   "2016-09-14", 10_002, "adams"),
    ("nguyen",       &["Linh", "Thi"],       "Nguyễn",       "female", "1957-06-03", 10_003, "adams"),
    ("okafor",       &["Chidi"],             "Okafor",       "male",   "1972-11-21", 10_004, "adams"),
    ("smith-1950",   &["John", "Henry"],     "Smith",        "male",   "1950-01-17", 10_005, "adams"),
    ("smith-1991",   &["John", "Henry"],     "Smith",        "male",   "1991-08-30", 10_006, "baker"),
    ("muller",       &["Jürgen"],            "Müller",       "male",   "1966-04-12", 10_007, "baker"),
    ("garcia",       &["María", "José"],     "García Núñez", "female", "1999-12-05", 10_008, "baker"),
    ("cohen",        &["Noa"],               "Cohen",        "other",  "2003-03-26", 10_009, "baker"),
    ("haddad",       &["Yusuf"],             "Haddad",       "male",   "1988-10-10", 10_010, "adams"),
    ("kowalska",     &["Zofia"],             "Kowalska",     "female", "1941-05-01", 10_011, "baker"),
    ("silva",        &["Ana"],               "Silva",        "female", "2010-07-19", 10_012, "baker"),
];

/// Where the medical record numbers come from.
pub const RECORD_NUMBERS: &str = "https://mercy.example/record-numbers";
/// The identifier of the organization.
pub const ORGANIZATION: &str = "mercy";

/// Everybody.
pub fn everybody() -> Vec<Value> {
    let practitioners =
        [("adams", "Ada", "Adams", "female", "9999999901"), ("baker", "Ben", "Baker", "male", "9999999902")];
    let mut all = vec![json!({
        "resourceType": "Organization", "id": ORGANIZATION, "active": true, "name": "Mercy Clinic",
        "identifier": [{"system": "https://mercy.example/organizations", "value": "mercy"}],
        "type": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/organization-type",
            "code": "prov", "display": "Healthcare Provider"}]}],
        "telecom": [{"system": "url", "value": "https://mercy.example"}],
    })];
    all.push(json!({
        "resourceType": "Organization", "id": "blue", "active": true, "name": "Blue Example Health Plan",
        "type": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/organization-type",
            "code": "pay", "display": "Payer"}]}],
    }));
    all.extend(practitioners.map(|(id, given, family, gender, npi)| {
        json!({
            "resourceType": "Practitioner", "id": id, "active": true, "gender": gender,
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}],
            "name": [{"use": "official", "text": format!("Dr. {given} {family}"), "family": family,
                "given": [given], "prefix": ["Dr."]}],
        })
    }));
    all.extend(PATIENTS.iter().map(patient));
    all
}

/// The practitioner of a patient.
pub fn practitioner(patient: &str) -> Value {
    let row = PATIENTS.iter().find(|row| row.0 == patient);
    json!({"reference": format!("Practitioner/{}", row.map_or("adams", |row| row.6))})
}

/// The patients who have a record.
pub fn with_record() -> impl Iterator<Item = &'static str> {
    PATIENTS.iter().map(|row| row.0).filter(|id| *id != "silva")
}

fn patient(&(id, given, family, gender, born, number, practitioner): &Row) -> Value {
    let text = format!("{} {family}", given.join(" "));
    let kind = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR",
        "display": "Medical record number"}]});
    json!({
        "resourceType": "Patient", "id": id, "active": true, "gender": gender, "birthDate": born,
        "identifier": [{"use": "usual", "type": kind, "system": RECORD_NUMBERS, "value": format!("M{number}")}],
        "name": [{"use": "official", "text": text, "family": family, "given": given}],
        "generalPractitioner": [{"reference": format!("Practitioner/{practitioner}")}],
        "managingOrganization": {"reference": format!("Organization/{ORGANIZATION}")},
    })
}
