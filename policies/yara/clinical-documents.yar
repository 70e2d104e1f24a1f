// Exports of clinical systems, known by their own structure whatever the
// file is called.

rule hl7_v2_message
{
    meta:
        kind = "yara"
        description = "an HL7 version 2 message with a patient identification segment"
        level = 2
    strings:
        $header = /(^|[\r\n\x0b])MSH\|\^~\\&\|/
        $patient = /[\r\n]PID\|/
    condition:
        $header and $patient
}

rule fhir_patient_resource
{
    meta:
        kind = "yara"
        description = "a FHIR resource that holds a patient"
        level = 2
    strings:
        $json = /"resourceType"\s{0,8}:\s{0,8}"Patient"/
        $xml = /<Patient\s{1,8}xmlns\s{0,8}=\s{0,8}"http:\/\/hl7\.org\/fhir"/
        $number = "https://fhir.nhs.uk/Id/nhs-number"
    condition:
        ($json or $xml) and $number
}

rule clinical_document_architecture
{
    meta:
        kind = "yara"
        description = "an HL7 clinical document (CDA) about a patient"
        level = 2
    strings:
        $namespace = "urn:hl7-org:v3"
        $document = "<ClinicalDocument"
        $patient = "<recordTarget"
    condition:
        all of them
}
