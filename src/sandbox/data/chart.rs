//! What stands in the records of the patients.

use serde_json::{Value, json};

use super::codes::{UCUM, category, code, plain};
use super::{documents, people};

/// Patient, what, the name of its code, day, value.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const CHART: [Row; 92] = [
    ("rivera", "encounter", "checkup", "2024-03-05", ""),
    ("rivera", "problem", "hypertension", "2021-06-01", "active"),
    ("rivera", "problem", "asthma", "1996-04-01", "active"),
    ("rivera", "diagnosis", "sinusitis", "2024-03-05", "resolved"),
    ("rivera", "concern", "hunger", "2024-03-05", "active"),
    ("rivera", "lab", "a1c", "2024-03-05", "5.4 %"),
    ("rivera", "lab", "cholesterol", "2024-03-05", "187 mg/dL"),
    ("rivera", "vital", "weight", "2024-03-05", "68.2 kg"),
    ("rivera", "vital", "height", "2024-03-05", "166 cm"),
    ("rivera", "vital", "pressure", "2024-03-05", "132/84"),
    ("rivera", "survey", "phq9", "2024-03-05", "4 {score}"),
    ("rivera", "social", "tobacco", "2024-03-05", "never"),
    ("rivera", "sdoh", "food", "2024-03-05", "often"),
    ("rivera", "allergy", "penicillin", "2001-05-20", "medication"),
    ("rivera", "medication", "lisinopril", "2021-06-01", "1 tablet each morning"),
    ("rivera", "vaccine", "influenza", "2023-10-11", ""),
    ("rivera", "procedure", "appendectomy", "2009-08-02", ""),
    ("rivera", "report", "metabolic", "2024-03-05", "Within normal limits"),
    ("rivera", "document", "progress", "2024-03-05", "Sinusitis, resolving. Blood pressure to be watched."),
    ("rivera", "plan", "", "2024-03-05", "Less salt; blood pressure each week"),
    ("rivera-child", "encounter", "checkup", "2024-02-12", ""),
    ("rivera-child", "diagnosis", "otitis", "2024-02-12", "resolved"),
    ("rivera-child", "problem", "asthma", "2020-01-15", "active"),
    ("rivera-child", "lab", "hemoglobin", "2024-02-12", "13.1 g/dL"),
    ("rivera-child", "vital", "weight", "2024-02-12", "25.3 kg"),
    ("rivera-child", "vital", "height", "2024-02-12", "124 cm"),
    ("rivera-child", "vital", "temperature", "2024-02-12", "38.4 Cel"),
    ("rivera-child", "sdoh", "food", "2024-02-12", "often"),
    ("rivera-child", "allergy", "peanut", "2019-03-03", "food"),
    ("rivera-child", "medication", "amoxicillin", "2024-02-12", "1 capsule three times a day for 7 days"),
    ("rivera-child", "vaccine", "mmr", "2017-09-20", ""),
    ("rivera-child", "vaccine", "tdap", "2023-09-18", ""),
    ("rivera-child", "document", "progress", "2024-02-12", "Otitis media, left."),
    ("nguyen", "encounter", "checkup", "2024-01-22", ""),
    ("nguyen", "encounter", "checkup", "2023-07-10", ""),
    ("nguyen", "problem", "diabetes", "2012-03-08", "active"),
    ("nguyen", "problem", "hypertension", "2010-11-30", "active"),
    ("nguyen", "lab", "a1c", "2024-01-22", "7.9 %"),
    ("nguyen", "lab", "glucose", "2024-01-22", "162 mg/dL"),
    ("nguyen", "lab", "creatinine", "2024-01-22", "1.1 mg/dL"),
    ("nguyen", "vital", "pressure", "2024-01-22", "141/88"),
    ("nguyen", "vital", "weight", "2024-01-22", "59.0 kg"),
    ("nguyen", "social", "tobacco", "2024-01-22", "never"),
    ("nguyen", "medication", "metformin", "2012-03-08", "1 tablet with the evening meal"),
    ("nguyen", "medication", "lisinopril", "2010-11-30", "1 tablet each morning"),
    ("nguyen", "vaccine", "influenza", "2023-10-02", ""),
    ("nguyen", "procedure", "colonoscopy", "2019-05-14", ""),
    ("nguyen", "report", "metabolic", "2024-01-22", "Glucose raised"),
    ("nguyen", "document", "progress", "2024-01-22", "Diabetes: diet spoken of again."),
    ("nguyen", "plan", "", "2024-01-22", "HbA1c in three months"),
    ("okafor", "encounter", "checkup", "2023-12-04", ""),
    ("okafor", "problem", "hypertension", "2018-02-27", "active"),
    ("okafor", "lab", "cholesterol", "2023-12-04", "231 mg/dL"),
    ("okafor", "vital", "pressure", "2023-12-04", "138/90"),
    ("okafor", "vital", "pulse", "2023-12-04", "74 /min"),
    ("okafor", "social", "tobacco", "2023-12-04", "former"),
    ("okafor", "medication", "lisinopril", "2018-02-27", "1 tablet each morning"),
    ("smith-1950", "encounter", "checkup", "2024-02-01", ""),
    ("smith-1950", "problem", "diabetes", "2005-09-09", "active"),
    ("smith-1950", "lab", "a1c", "2024-02-01", "6.8 %"),
    ("smith-1950", "vital", "weight", "2024-02-01", "91.4 kg"),
    ("smith-1950", "medication", "metformin", "2005-09-09", "1 tablet with the evening meal"),
    ("smith-1950", "document", "discharge", "2023-03-18", "Home after three days."),
    ("smith-1991", "encounter", "checkup", "2023-11-20", ""),
    ("smith-1991", "diagnosis", "sinusitis", "2023-11-20", "resolved"),
    ("smith-1991", "vital", "temperature", "2023-11-20", "37.9 Cel"),
    ("smith-1991", "social", "tobacco", "2023-11-20", "never"),
    ("muller", "encounter", "checkup", "2024-01-09", ""),
    ("muller", "problem", "hypertension", "2016-10-10", "active"),
    ("muller", "lab", "creatinine", "2024-01-09", "0.9 mg/dL"),
    ("muller", "vital", "pressure", "2024-01-09", "129/80"),
    ("muller", "procedure", "colonoscopy", "2021-04-21", ""),
    ("garcia", "encounter", "checkup", "2023-09-27", ""),
    ("garcia", "problem", "depression", "2022-01-31", "active"),
    ("garcia", "survey", "phq9", "2023-09-27", "11 {score}"),
    ("garcia", "survey", "gad7", "2023-09-27", "8 {score}"),
    ("garcia", "medication", "sertraline", "2022-02-14", "1 tablet each morning"),
    ("garcia", "sdoh", "food", "2023-09-27", "never-true"),
    ("cohen", "vaccine", "tdap", "2014-04-02", ""),
    ("cohen", "vital", "height", "2023-05-05", "171 cm"),
    ("cohen", "allergy", "peanut", "2008-01-01", "food"),
    ("haddad", "encounter", "checkup", "2023-06-15", ""),
    ("haddad", "problem", "asthma", "1999-01-01", "active"),
    ("haddad", "lab", "hemoglobin", "2023-06-15", "15.2 g/dL"),
    ("haddad", "report", "blood-count", "2023-06-15", "Within normal limits"),
    ("haddad", "allergy", "penicillin", "2015-02-02", "medication"),
    ("kowalska", "encounter", "checkup", "2024-03-01", ""),
    ("kowalska", "problem", "hypertension", "1999-06-06", "active"),
    ("kowalska", "concern", "hunger", "2024-03-01", "active"),
    ("kowalska", "vital", "pressure", "2024-03-01", "150/86"),
    ("kowalska", "vaccine", "influenza", "2023-10-20", ""),
    ("kowalska", "plan", "", "2024-03-01", "A visit each month"),
];

/// The records, each named for the patient, its kind and its place among those.
pub fn records() -> Vec<Value> {
    let rows = CHART.iter().enumerate().map(|(at, row)| {
        let place = 1 + CHART.iter().take(at).filter(|other| (other.0, other.1) == (row.0, row.1)).count();
        let entry = Entry { id: format!("{}-{}-{place}", row.0, row.1), row };
        entry.resource()
    });
    rows.chain(people::with_record().map(documents::care_team)).collect()
}

/// One row of the chart.
pub struct Entry<'a> {
    /// The identifier.
    pub id: String,
    row: &'a Row,
}

impl Entry<'_> {
    /// The patient.
    #[must_use]
    pub fn patient(&self) -> Value {
        json!({"reference": format!("Patient/{}", self.row.0)})
    }

    /// The practitioner of the patient.
    #[must_use]
    pub fn practitioner(&self) -> Value {
        people::practitioner(self.row.0)
    }

    /// The identifier of those who treat the patient.
    #[must_use]
    pub fn team(&self) -> String {
        format!("{}-team", self.row.0)
    }

    /// The name of the code.
    #[must_use]
    pub const fn named(&self) -> &'static str {
        self.row.2
    }

    /// The day.
    #[must_use]
    pub const fn day(&self) -> &'static str {
        self.row.3
    }

    /// A moment of that day.
    #[must_use]
    pub fn moment(&self) -> String {
        format!("{}T10:00:00Z", self.row.3)
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &'static str {
        self.row.4
    }

    /// The encounter of that day, if there was one.
    #[must_use]
    pub fn encounter(&self) -> Option<Value> {
        let visits = CHART.iter().filter(|row| (row.0, row.1) == (self.row.0, "encounter"));
        let place = visits.enumerate().find(|(_, row)| row.3 == self.row.3).map(|(place, _)| place + 1)?;
        Some(json!({"reference": format!("Encounter/{}-encounter-{place}", self.row.0)}))
    }

    fn resource(&self) -> Value {
        let mut resource = match self.row.1 {
            kind @ ("problem" | "diagnosis" | "concern") => self.condition(kind),
            kind @ ("lab" | "vital" | "survey" | "social" | "sdoh") => self.observation(kind),
            _ => return documents::resource(self, self.row.1),
        };
        if let (Some(members), Some(encounter)) = (resource.as_object_mut(), self.encounter()) {
            members.insert("encounter".to_owned(), encounter);
        }
        resource
    }

    fn condition(&self, kind: &str) -> Value {
        let system = |name: &str| format!("http://terminology.hl7.org/CodeSystem/condition-{name}");
        json!({
            "resourceType": "Condition", "id": self.id, "subject": self.patient(), "code": code(self.named()),
            "category": [category(kind)], "recordedDate": self.day(), "onsetDateTime": self.day(),
            "clinicalStatus": plain(&system("clinical"), self.value()),
            "verificationStatus": plain(&system("ver-status"), "confirmed"),
        })
    }

    fn observation(&self, kind: &str) -> Value {
        let mut categories = vec![category(kind)];
        if kind == "sdoh" {
            categories.push(category("survey"));
        }
        let mut observation = json!({
            "resourceType": "Observation", "id": self.id, "status": "final", "subject": self.patient(),
            "code": code(self.named()), "category": categories, "effectiveDateTime": self.moment(),
            "performer": [self.practitioner()],
        });
        let (member, value) = match (self.value().split_once('/'), quantity(self.value())) {
            (Some((systolic, diastolic)), None) => {
                let part = |name: &str, value: &str| json!({"code": code(name), "valueQuantity": quantity(&format!("{value} mm[Hg]"))});
                ("component", json!([part("systolic", systolic), part("diastolic", diastolic)]))
            }
            (_, Some(quantity)) => ("valueQuantity", quantity),
            (None, None) => ("valueCodeableConcept", code(self.value())),
        };
        if let Some(members) = observation.as_object_mut() {
            members.insert(member.to_owned(), value);
        }
        observation
    }
}

/// A number and its unit.
fn quantity(text: &str) -> Option<Value> {
    let (number, unit) = text.split_once(' ')?;
    let number: serde_json::Number = serde_json::from_str(number).ok()?;
    Some(json!({"value": number, "unit": unit, "system": UCUM, "code": unit}))
}
