"""Names of people and places, of several origins and ages."""

OLD_WOMEN = """Doris Edna Gladys Hilda Mavis Beryl Ethel Winifred Muriel Phyllis Ivy Olwen Nesta Myfanwy Dilys Agnes
Morag Senga Marjorie Brenda Sheila Maureen Jean Patricia Eileen Kathleen Bridget Sylvia Pauline Audrey Norma Jasmeen
Surinder Nusrat Bibi Hyacinth Merle Dorcas Irena Halina Concetta""".split()
WOMEN = """Sarah Emma Claire Rachel Joanne Michelle Tracey Donna Karen Nicola Gemma Laura Kirsty Lyndsey Siân Bethan
Cerys Ffion Aoife Niamh Siobhán Orlaith Aisha Fatima Zainab Priya Anjali Harpreet Manpreet Thandiwe Chidinma Ngozi Abimbola
Agnieszka Katarzyna Magdalena Oksana Ioana Mei-Ling Thuy Leilani Maria-José Renée Chloé Shanice Kayleigh Demi-Leigh
Rosalind Philippa Annabel Imogen Tamsin Lowenna Catriona Mhairi Eilidh Roisin""".split()
GIRLS = """Olivia Amelia Isla Ava Lily-Mae Freya Willow Poppy Evie Mia Aaliyah Maryam Inaya Zuzanna Erin Seren Orla
Ellie-Mae Harper Ottilie Saoirse""".split()
OLD_MEN = """Albert Stanley Reginald Cyril Norman Ronald Leslie Walter Ernest Harold Wilfred Clifford Arthur Dennis
Kenneth Gwilym Emrys Hamish Angus Seamus Desmond Winston Gurdial Mohinder Abdul Kazimierz Zygmunt Salvatore Vernon""".split()
MEN = """David Andrew Steven Mark Paul Darren Wayne Craig Gareth Rhys Dafydd Huw Ieuan Callum Fraser Ruaridh Declan
Cathal Eoin Mohammed Imran Bilal Tariq Rajesh Sanjay Gurpreet Vikram Oluwaseun Emeka Kwame Kofi Tendai Piotr Krzysztof
Andrzej Marek Vasile Bogdan Nguyen Wei Chukwudi Jérôme José Sebastian Rupert Jago Piran Curtis Jermaine Leroy""".split()
BOYS = """Oliver Noah Theo Arlo Alfie-Jay Archie Teddy Muhammad Yusuf Ibrahim Jakub Kacper Osian Macsen Rory Finlay
Tadhg Jayden Kayden Reuben Rafferty Ezra""".split()
SURNAMES = """Ackroyd Adeyemi Ahmed Akhtar Allardyce Anstey Arkwright Ashworth Babatunde Bagshaw Banerjee Barraclough
Beaumont Begum Bhatt Birtwistle Blenkinsop Boateng Bowen Brathwaite Broadbent Cadwallader Campbell-Reid Chaudhry Chowdhury Clegg
Cockburn Cholmondeley Craddock Cruickshank Dalgleish D'Souza Davies de Souza Dhillon Drabble Dubois Eccleston Edwards
Entwistle Evans Fairweather Farquharson Featherstone Fernandes Fitzgerald Gallagher Ganguly Gill Goldthorpe Gwynne
Hallam Hardcastle Hassan Heathcote Higginbotham Hussain Igwe Ingledew Jankowski Jeffries Jones Kaur Kavanagh Khan
Kilpatrick Kowalczyk Lamb Laurie Le Roux Lewandowski Lockhart Lumb MacAskill Macdonald MacNeil Mahmood Maguire
McAllister McGuinness McIlroy Medhurst Mistry Mukherjee Murgatroyd Mwangi Ní Dhomhnaill Nowak Nwosu O'Brien O'Connell
O'Hagan Ofori Oyelaran Okonkwo Ollerenshaw Olszewski Osei Parekh Parry Patel Penhaligon Pettigrew Postlethwaite
Prendergast Pritchard Quigley Qureshi Rahman Ramsbottom Raghunathan Rhydderch Robb Rosenthal Rowbotham Sandhu Satterthwaite
Scargill Seddon Shufflebotham Sidebottom Siddiqui Singh Skelton Smith Sowerby Stobbart Strachan Szymanski Tagg
Tattersall Thackeray Thistlethwaite Tomlinson Trelawny Trevithick Tully Uddin Umar Vasquez Vickers Waddilove
Walmsley Wardrop Weatherill Whittaker Wojcik Wong Woolley Wrigglesworth Yeoh Younis Zaman Zielinski""".replace(
    "de Souza", "deSouza").replace("Le Roux", "LeRoux").replace("Ní Dhomhnaill", "NíDhomhnaill").split()
STREETS = """Station Road|Church Lane|Victoria Terrace|Mill Street|Albert Road|The Crescent|Chapel Hill|Park Avenue|
Queensway|Orchard Close|Gas Street|Windsor Drive|Bryn Awel|Heol y Parc|Lower Ormeau Road|Corporation Street|
Primrose Gardens|Kirkgate|Nelson Mandela Court|Sycamore Grove|Field View|Coronation Street|Low Moor Road|
St Mary's Walk|Harbour View|Tower Block C|Sandringham Way|Beech House""".replace("\n", "").split("|")
TOWNS = """Leeds Bradford Wigan Hull Grimsby Swindon Taunton Redruth Llanelli Wrexham Dundee Paisley Kilmarnock Larne
Newry Croydon Ilford Walsall Dudley Mansfield Burnley Sunderland Whitby Kendal Hexham Lowestoft Margate Luton
Aylesbury Basildon Barrow Rhyl Bangor Airdrie""".split()
ROLES = """Ward Clerk|Ward Manager|Staff Nurse|Sister|Charge Nurse|Medical Secretary|Consultant Physician|
Consultant Paediatrician|Consultant Obstetrician|Registrar|ST5 General Surgery|FY1|Specialty Doctor|GP|GP Partner|
Practice Manager|Practice Nurse|Care Navigator|Reception Team Lead|Health Visitor|School Nurse|District Nurse|
Community Matron|Community Psychiatric Nurse|Clinical Psychologist|Social Worker|Safeguarding Lead|Named Nurse|
Physiotherapist|Occupational Therapist|Speech and Language Therapist|Dietitian|Podiatrist|Pharmacist|
Pharmacy Technician|Biomedical Scientist|Phlebotomist|Radiographer|Sonographer|Midwife|Community Midwife|
Paramedic|Dental Nurse|Optometrist|Audiologist|Mortuary Manager|Bereavement Officer|Complaints Officer|PALS Adviser|
Information Governance Officer|Research Nurse|Clinical Trials Coordinator|Data Analyst|Clinical Coder|
Waiting List Officer|Theatre Coordinator|Bed Manager|Site Practitioner|Discharge Coordinator|Porter Supervisor|
Estates Officer|IT Service Desk Analyst|Procurement Officer|Finance Assistant|HR Business Partner|Roster Coordinator|
Chaplain|Communications Manager|Librarian|Hospice Nurse|Prison Healthcare Manager""".replace("\n", "").split("|")
TRUSTS = """Ambleford Hospitals NHS Trust|Riverdale NHS Foundation Trust|North Moor Community Health|Saltmarsh General
|Fenwick & Tarn Valley NHS FT|Bwrdd Iechyd Dyffryn|Hollin Bank Hospice|St Aldate's Infirmary|Kingsmere University Hospital|
Calderbrook Mental Health Trust|Westhaven ICB|Penmarrow District Hospital""".replace("\n", "").split("|")
SURGERIES = """Beeches Surgery|High Street Medical Practice|Dr Vickers & Partners|The Old Forge Health Centre|Meddygfa'r Bont|
Quayside Family Practice|Lowfield Road Surgery|Ash Tree House|Elm Grove Practice|Kirkstall Lane Medical Centre|
Glen Road Health Centre|Riverside Walk-in Centre""".replace("\n", "").split("|")
WARDS = """Ward 7|Ward 12B|AMU|SAU|EAU|Bay C|Cedar Ward|Elgar Ward|CCU|HDU|ITU|Ward 31|Snowdrop|Rowan Unit|Ward F4|
Stroke Unit|Day Surgery|Endoscopy|Delivery Suite|SCBU|Jasmine|Ward 22 (ortho)|Intermediate Care|ED Resus|ED Majors|Ambulatory""".replace("\n", "").split("|")


def first(random, female, age):
    if age < 16:
        return random.choice(GIRLS if female else BOYS)
    if age > 66:
        return random.choice((OLD_WOMEN * 2 + WOMEN) if female else (OLD_MEN * 2 + MEN))
    return random.choice(WOMEN if female else MEN)


def last(random):
    name = random.choice(SURNAMES)
    return {"deSouza": "de Souza", "LeRoux": "Le Roux", "NíDhomhnaill": "Ní Dhomhnaill"}.get(name, name)
