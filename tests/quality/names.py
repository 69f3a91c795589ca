"""Words that people are made of: names with rough frequencies, towns, streets, firms. All public and general."""

MALE = """Thomas Michael Andreas Peter Stefan Christian Markus Martin Frank Matthias Jürgen Klaus Alexander Wolfgang
Daniel Uwe Bernd Jan Ralf Sebastian Tobias Florian Jörg Dieter Werner Hans Manfred Günter Helmut Gerhard Horst Dirk
Jens Oliver Torsten Sven Mario Holger Rainer Karl Heinz Walter Josef Rolf Philipp Patrick Marcel Dennis Benjamin
Maximilian Felix Lukas Jonas Leon Paul Finn Niklas Tim David Simon Dominik Kevin Johannes Georg Franz Rudolf Herbert
Kurt Lothar Volker Norbert Reinhard Ulrich Joachim Hartmut Detlef Olaf Carsten Björn Marco Fabian Julian Moritz Jakob
Anton Emil Friedrich Wilhelm Ernst Otto Hermann Gustav Erik Nils Lars Timo Marvin Pascal Nico Robert Roland Armin Axel
Ahmet Mehmet Mustafa Ali Murat Piotr Tomasz Krzysztof Ivan Dmitri Sergej Giuseppe Antonio Luca Mohammed Omar Yusuf Can
Ludwig Konrad Kilian Xaver Korbinian Hinrich Fiete Sönke Götz Jost Tillmann Ruben Levin Bastian Steffen Guido Gregor
Heiko Henning Ingo Jochen Kai Knut Malte Marian Nikolaus Raphael Samuel Siegfried Theodor Valentin Viktor Vincent
Hans-Peter Karl-Heinz Klaus-Dieter Hans-Jürgen Jan-Philipp Franz-Josef""".split()

FEMALE = """Sabine Susanne Petra Andrea Claudia Birgit Nicole Stefanie Julia Christine Anna Katrin Martina Monika Ursula
Karin Renate Brigitte Helga Elke Ingrid Gabriele Angelika Heike Silke Anja Tanja Sandra Melanie Daniela Katharina Sarah
Lisa Laura Lena Maria Barbara Gisela Christa Elisabeth Erika Gerda Hannelore Ilse Inge Irmgard Hildegard Margarete
Waltraud Marion Cornelia Anke Kerstin Simone Sonja Yvonne Nadine Jennifer Jessica Vanessa Franziska Johanna Theresa
Eva Marie Sophie Charlotte Emma Mia Hannah Lea Leonie Clara Luisa Paula Pauline Greta Ida Frieda Nina Carolin Christina
Kathrin Sandra Manuela Michaela Ramona Jana Janine Jacqueline Antje Britta Dagmar Doris Edith Eleonore Jutta Ute
Ulrike Regina Roswitha Rosemarie Sigrid Silvia Bärbel Beate Bettina Astrid Annette Annegret Alexandra Antonia Amelie
Ayşe Fatma Emine Zeynep Agnieszka Małgorzata Olga Natalia Svetlana Giulia Francesca Aylin Elif Sibel Merve Ewa
Magdalena Veronika Viktoria Valentina Vera Verena Wiebke Swantje Tina Tamara Ruth Rebecca Rita Mareike Maike Miriam
Lieselotte Lydia Leoni Kristin Josefine Isabel Isabella Henriette Hedwig Gudrun Friederike Elfriede Dorothea Christel
Anna-Lena Anne-Marie Eva-Maria Marie-Luise Ann-Kathrin Ingeborg""".split()

SURNAMES = """Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein
Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Schmitz Krause Meier Lehmann
Schmid Schulze Maier Köhler Herrmann König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn
Schubert Vogel Friedrich Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon
Ludwig Böhm Winter Kraus Martin Schumacher Krämer Vogt Stein Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas Schreiber
Graf Schulte Dietrich Ziegler Kuhn Kühn Pohl Engel Horn Busch Bergmann Thomas Voigt Sauer Arnold Wolff Pfeiffer Ernst
Hübner Beyer Kramer Lindner Fiedler Bock Böttcher Kunz Seifert Paul Ullrich Jansen Peter Barth Kirchner Ritter Marx
Gerlach Reuter Nagel Steiner Moser Wirth Ehlers Brinkmann Dahlke Thiel Urban Kern Strauß Rieger Eder Schramm Noack
Petersen Hansen Jensen Carstens Lorenzen Matthiesen Behrens Oldenburg Wiechmann Kowalski Nowak Wiśniewski Yılmaz Kaya
Demir Çelik Şahin Öztürk Rossi Esposito Bianchi Ivanov Petrov Nguyen Tran Haddad Rahimi Novák Kovács Horváth
von Hagen zu Dohna van der Berg""".replace("von Hagen", "von_Hagen").replace("zu Dohna", "zu_Dohna").replace(
    "van der Berg", "van_der_Berg").split()

# Long tail: surnames are put together of a beginning and an end.
BEGINNINGS = """Alten Auer Berg Birken Blumen Brenn Bruck Buchen Burg Dorn Eber Eichen Ellen Erlen Esch Feld Fink Forst
Freuden Gold Gries Grün Hagen Halb Haupt Hecken Heiden Hellen Hirsch Hoch Holz Kalten Kirch Kloster Krumm Kupfer Lauter
Licht Linden Löwen Mittel Moos Mühl Nieder Ober Oster Pfaffen Quell Rabe Reichen Rosen Rot Sachsen Sand Schön Schwarzen
Silber Sonnen Stein Stern Strauch Tannen Thal Tief Traut Unter Vogels Wald Wasser Weiden Wein Weissen Wester Wiesen
Winkel Wolfs Zeller Ziegel""".split()
ENDS = """bach bauer baum beck berg berger born brand brecht burg dorf ecker feld felder fels gruber hagen hard haus heim
hof hofer huber kamp kötter länder lechner leitner loh mann maier meier moser müller rath reuter ried rieder roth schmidt
see stein steiner tal thaler wald wieser""".split()

TOWNS = [("Berlin", "10", 36), ("Berlin", "13", 20), ("Hamburg", "22", 19), ("München", "80", 10), ("München", "81", 8),
    ("Köln", "50", 11), ("Frankfurt am Main", "60", 8), ("Stuttgart", "70", 6), ("Düsseldorf", "40", 6),
    ("Leipzig", "04", 6), ("Dortmund", "44", 6), ("Essen", "45", 6), ("Bremen", "28", 6), ("Dresden", "01", 6),
    ("Hannover", "30", 5), ("Nürnberg", "90", 5), ("Duisburg", "47", 5), ("Bochum", "44", 4), ("Wuppertal", "42", 4),
    ("Bielefeld", "33", 3), ("Bonn", "53", 3), ("Münster", "48", 3), ("Mannheim", "68", 3), ("Karlsruhe", "76", 3),
    ("Augsburg", "86", 3), ("Wiesbaden", "65", 3), ("Kiel", "24", 2), ("Aachen", "52", 2), ("Freiburg im Breisgau", "79", 2),
    ("Mainz", "55", 2), ("Lübeck", "23", 2), ("Erfurt", "99", 2), ("Rostock", "18", 2), ("Kassel", "34", 2),
    ("Halle (Saale)", "06", 2), ("Saarbrücken", "66", 2), ("Potsdam", "14", 2), ("Würzburg", "97", 1),
    ("Regensburg", "93", 1), ("Ulm", "89", 1), ("Göttingen", "37", 1), ("Oldenburg", "26", 1), ("Osnabrück", "49", 1),
    ("Heilbronn", "74", 1), ("Koblenz", "56", 1), ("Siegen", "57", 1), ("Trier", "54", 1), ("Bayreuth", "95", 1),
    ("Passau", "94", 1), ("Konstanz", "78", 1), ("Tübingen", "72", 1), ("Schwerin", "19", 1), ("Jena", "07", 1),
    ("Cottbus", "03", 1), ("Bad Kreuznach", "55", 1), ("Rosenheim", "83", 1), ("Kempten (Allgäu)", "87", 1),
    ("Flensburg", "24", 1), ("Celle", "29", 1), ("Gera", "07", 1), ("Neumünster", "24", 1), ("Füssen", "87", 1),
    ("Garmisch-Partenkirchen", "82", 1), ("Weißenfels", "06", 1), ("Lörrach", "79", 1), ("Böblingen", "71", 1)]

STREETS = """Hauptstraße Bahnhofstraße Schulstraße Gartenstraße Dorfstraße Bergstraße Lindenstraße Kirchstraße Waldstraße
Ringstraße Schillerstraße Goethestraße Mühlenweg Jahnstraße Wiesenweg Feldstraße Mozartstraße Blumenstraße Am_Markt
Friedhofstraße Buchenweg Birkenweg Rosenweg Lerchenweg Amselweg Finkenweg Eichenweg Ahornweg Tannenweg Kastanienallee
Lange_Straße Breite_Straße Neue_Straße Alte_Landstraße Kölner_Straße Berliner_Straße Hamburger_Straße Münchner_Straße
Dresdner_Straße Beethovenstraße Uhlandstraße Lessingstraße Kantstraße Heinestraße Bismarckstraße Kaiserstraße
Königsallee Wilhelmstraße Friedrichstraße Luisenstraße Marienplatz Rathausplatz Marktplatz Am_Bahnhof Im_Winkel
Auf_der_Höhe Zum_Sportplatz An_der_Kirche Unter_den_Linden Straße_des_17._Juni Platz_der_Einheit Am_Mühlbach
Sonnenstraße Ostpreußenstraße Danziger_Straße Königsberger_Straße Stettiner_Weg Hölderlinstraße Robert-Koch-Straße
Albert-Schweitzer-Straße Gerhart-Hauptmann-Straße Karl-Marx-Straße Ernst-Thälmann-Straße Konrad-Adenauer-Allee""".replace(
    "\n", " ").split()

FIRMS = """Bäckerei Autohaus Elektro Sanitär Malerbetrieb Schreinerei Gärtnerei Apotheke Metallbau Druckerei Fliesen
Dachdeckerei Architekturbüro Steuerberatung Physiotherapie Logistik IT-Service Weinhandel Buchhandlung Zahnarztpraxis""".split()
LEGAL = ["GmbH", "GmbH & Co. KG", "KG", "AG", "e.K.", "UG (haftungsbeschränkt)", "OHG", ""]

SHORT = {"Alexander": ["Alex", "Sascha"], "Alexandra": ["Alex", "Sandra"], "Andreas": ["Andi", "Andy"], "Andrea": ["Andi"],
    "Angelika": ["Geli"], "Anna": ["Anni"], "Anton": ["Toni"], "Antonia": ["Toni"], "Barbara": ["Babsi", "Bärbel"],
    "Benjamin": ["Ben", "Benny"], "Bernd": ["Berni"], "Birgit": ["Biggi"], "Brigitte": ["Gitti"], "Christian": ["Chris"],
    "Christina": ["Tina"], "Christine": ["Tina"], "Claudia": ["Claudi"], "Cornelia": ["Conny"], "Daniel": ["Dani"],
    "Daniela": ["Dani"], "Dieter": ["Didi"], "Dominik": ["Domi"], "Elisabeth": ["Lisa", "Sissi", "Elli"],
    "Florian": ["Flo"], "Franz": ["Franzl"], "Franziska": ["Franzi"], "Friedrich": ["Fritz"], "Friederike": ["Rike"],
    "Gabriele": ["Gabi"], "Georg": ["Schorsch"], "Gerhard": ["Gerd"], "Günter": ["Günni"], "Hannelore": ["Hanni"],
    "Helene": ["Lena"], "Helmut": ["Helli"], "Hildegard": ["Hilde"], "Jakob": ["Jack"], "Jennifer": ["Jenny"],
    "Jessica": ["Jessi"], "Joachim": ["Jochen", "Achim"], "Johannes": ["Hannes", "Hans"], "Johanna": ["Hanna"],
    "Josef": ["Sepp"], "Jürgen": ["Jürgi"], "Julia": ["Jule"], "Karl": ["Kalle"], "Katharina": ["Kathi", "Katja"],
    "Klaus": ["Klausi"], "Ludwig": ["Lutz"], "Lukas": ["Luki"], "Magdalena": ["Lena", "Leni"], "Manfred": ["Manni"],
    "Manuela": ["Manu"], "Margarete": ["Grete", "Gretel"], "Maria": ["Mia"], "Markus": ["Mark"], "Martina": ["Tina"],
    "Matthias": ["Matze"], "Maximilian": ["Max"], "Melanie": ["Mel"], "Michael": ["Michi", "Micha"],
    "Michaela": ["Michi"], "Monika": ["Moni"], "Nicole": ["Nicki"], "Niklas": ["Nik"], "Oliver": ["Olli"],
    "Patrick": ["Pat"], "Philipp": ["Phil"], "Rainer": ["Reini"], "Rebecca": ["Becky"], "Robert": ["Rob"],
    "Rosemarie": ["Rosi"], "Sabine": ["Bine"], "Samuel": ["Sam"], "Sebastian": ["Basti"], "Siegfried": ["Siggi"],
    "Simone": ["Simi"], "Stefan": ["Steffen"], "Stefanie": ["Steffi"], "Susanne": ["Susi", "Sanne"], "Theresa": ["Resi"],
    "Thomas": ["Tom", "Tommy"], "Tobias": ["Tobi"], "Torsten": ["Totti"], "Ulrich": ["Uli"], "Ulrike": ["Uli"],
    "Ursula": ["Uschi"], "Valentina": ["Vali"], "Vanessa": ["Nessa"], "Veronika": ["Vroni"], "Viktoria": ["Vicky"],
    "Waltraud": ["Traudl"], "Wilhelm": ["Willi"], "Wolfgang": ["Wolf"]}

PROVIDERS = [("gmail.com", 26), ("gmx.de", 22), ("web.de", 20), ("t-online.de", 9), ("outlook.de", 6), ("hotmail.com", 4),
    ("yahoo.de", 4), ("icloud.com", 5), ("freenet.de", 3), ("posteo.de", 1)]
WORDS = """blume katze stern wolf fuchs biene traum sonne mond garten kaffee foto strick bike rad lauf berg see wind hund
pferd musik rock kuchen nadel faden holz farbe licht punkt herz mix art design welt reise vinyl tee brot""".split()
PLACEHOLDER_NAMES = [("Max", "Mustermann"), ("Test", "Test"), ("n/a", "n/a"), ("Erika", "Mustermann"), ("-", "-")]
