/* manual.h: no library, but a text of this program: how it is used, in its own words. First the verbs, a row each: what
 * it is called, what it takes, what it does, the function in facegan.c that does it, and examples. Then what
 * `facegan man` says, chapter by chapter: for people who use the program, and, at the end, for those who add to it
 * (option, op, model, format). facegan.c includes it where it has all that the rows name (16.2). */
#ifndef FACEGAN_MANUAL_H
#define FACEGAN_MANUAL_H

#include "options.h"

static const OptionVerb verbs[] = {
    {"train", "mtcnn", "FACES... [--backgrounds DIR] [--out RUN]",
     "train a face detector on pictures of single faces; the same command again goes on", 1, MAX_INPUTS_GIVEN,
     run_train_mtcnn, .usual = "iters=6000 lr=1e-3", .apart = true, .examples =
     "  facegan train mtcnn fer2013 --backgrounds landscapes --out runs/detector\n"
     "  facegan train mtcnn fer2013 portraits --backgrounds landscapes --detector retinaface --weights retina.pth\n"},
    {"train", "MODEL", "DATA [--out RUN]", "train a model on a data set; with --out RUN alone the run goes on", 1, 1,
     run_train, .examples =
     "  facegan train stargan faces --out runs/faces --width 16 --g-repeat 3 --iters 4000\n"
     "  facegan train --out runs/faces --iters 8000                        (goes on with that run)\n"
     "  facegan train wacgan faces --grey --size 48 --out runs/wacgan\n"
     "  facegan train wgan-gp fer2013 --classes angry,happy,sad --limit 3000 --conditional --on-collapse stop\n"
     "  facegan train stargan fer2013 --classes angry,happy,sad,surprise --grey --batch 8 --out runs/fer\n"
     "  facegan train stargan celeba/list_attr_celeba.txt --attributes Smiling,Male --crop 178 --size 128 --dry-run\n"},
    {"sample", NULL, "RUN --out DIR [--files|--interpolate]",
     "draw pictures from noise: a sheet, a way between two, or files to train on", 1, 1, run_sample, .needs = "out",
     .examples =
     "  facegan sample runs/wacgan --out samples\n"
     "  facegan sample runs/wacgan --out more --files --count 700 --emotions happy,sad --seed 2\n"
     "  facegan sample runs/gan --out way --interpolate --scale 3\n"},
    {"classify", "train", "DATA [--out RUN]", "train an emotion classifier", 1, 1, run_train, .kind = "classifier",
     .examples =
     "  facegan classify train fer2013 --classes angry,happy,sad --balance augment:5000 --out runs/three\n"
     "  facegan classify train fer2013 --network vgg19 --init vgg19.pth --out runs/vgg19\n"},
    {"classify", "eval", "DATA [--classifier RUN]", "measure a classifier: accuracy, F1, calibration, confusions", 1, 1,
     run_classify_eval, .examples =
     "  facegan classify eval fer2013 --classifier runs/three --views flip --out measured\n"},
    {"classify", "predict", "IMAGE...|DIR", "say which expression pictures show", 1, MAX_INPUTS_GIVEN,
     run_classify_predict, .examples =
     "  facegan classify predict face.png\n"
     "  facegan classify predict party.jpg --json                        (every face of a photograph)\n"},
    {"reproduce", "classifier=003", "DATA [PHOTOS] [--budget 2h|full] [--out DIR]",
     "Emotion Detection in Images: its experiments on the data given, its numbers beside ours", 1, 2, run_reproduce,
     .usual = "classes=angry,happy,sad balance=augment:5000 validation=0.2", .kind = "classifier", .examples =
     "  facegan reproduce classifier fer2013 --out runs/classifier\n"
     "  facegan reproduce classifier fer2013 photo.jpg        (and what it sees in a photograph, or a folder of them)\n"
     "  facegan reproduce classifier fer2013 --network vgg19 --init vgg19.pth --out runs/classifier-vgg19\n"},
    {"reproduce", "stargan|ganmut|noise", "DATA... [--budget 2h|full] [--out DIR]",
     "Ceovic et al.'s (FACES [ATTRIBUTES]), Surani's (1 to 4 folders) or Kolbenschlag's (FACES [WEATHER])", 1, 4,
     run_reproduce, .usual = "width=0:1,512", .examples =
     "  facegan reproduce stargan fer2013 --budget 8h --out runs/stargan-document\n"
     "  facegan reproduce ganmut affwild-retinaface affwild-mtcnn affectnet-retinaface affectnet-mtcnn\n"
     "  facegan reproduce ganmut fer2013 --budget 30m         (one folder stands in: what needs more is left out)\n"
     "  facegan reproduce noise faces weather --dry-run\n"},
    {"edit", NULL, "[RUN] IMAGE... [--emotion NAME[:STRENGTH]|all]", "draw pictures with another expression", 1,
     MAX_INPUTS_GIVEN, run_edit, .examples =
     "  facegan edit photo.jpg --emotion happy                           (with the model that comes with the program)\n"
     "  facegan edit runs/faces photo.jpg --emotion happy --out edited\n"
     "  facegan edit runs/faces *.png --emotion all\n"
     "  facegan edit runs/ganmut photo.jpg --theta 40deg --rho 0.8\n"
     "  facegan edit runs/ganmut photo.jpg --between happy,surprise:0.5\n"
     "  facegan edit runs/faces party.jpg --emotion happy --out edited   (every face of a photograph)\n"},
    {"gamut", NULL, "[RUN] IMAGE... [--gif]",
     "GANmut's space of emotions: a picture for each photograph's best face, and one page to explore it", 1,
     MAX_INPUTS_GIVEN, run_gamut, .examples =
     "  facegan gamut photo.jpg --out gamut                              (with the model that comes with the program)\n"
     "  facegan gamut runs/ganmut photo.jpg --out gamut\n"
     "  facegan gamut runs/ganmut *.png --gif --path neutral,happy,surprise,neutral\n"},
    {"detect", NULL, "IMAGE...|DIR [--detector D --weights W]",
     "find faces in photographs: boxes, scores, five landmarks", 1, MAX_INPUTS_GIVEN, run_detect, .examples =
     "  facegan detect photo.jpg --out seen                              (draws boxes)\n"
     "  facegan detect photo.jpg --detector mtcnn --weights mtcnn/\n"
     "  facegan detect frames/ --detector retinaface --weights mobilenet0.25_Final.pth --csv\n"
     "  facegan detect party.jpg --detector retinaface --weights Resnet50_Final.pth --json\n"},
    {"crop", NULL, "IMAGE...|DIR --out DIR",
     "cut faces out of photographs, upright or aligned by their landmarks", 1, MAX_INPUTS_GIVEN, run_crop,
     .needs = "out", .examples =
     "  facegan crop frames/ --out faces --size 112\n"
     "  facegan crop party.jpg --detector retinaface --weights mobilenet0.25_Final.pth --align --all --out faces\n"},
    {"data", "draw", "--out DIR", "draw faces whose expression is known", 0, 0, run_data_draw, .needs = "out",
     .usual = "size=128:16,512", .examples =
     "  facegan data draw --out faces --count 4000 --size 64 --seed 1 --emotions happy,sad,angry\n"
     "  facegan data draw --out faces --count 100000 --weakest 0 --blends 0.3 --viewers       (for GANmut)\n"
     "  facegan data draw --scenes --out scenes --count 200 --size 256 --backgrounds landscapes    (for detectors)\n"},
    {"data", "show", "DATA [--out SHEET.png]", "a sheet with pictures of every class", 1, 1, run_data_show, .examples =
     "  facegan data show faces --out sheet.png\n"},
    {"data", "balance", "DATA --balance HOW --out DIR", "make every class as large as another", 1, 1, run_data_balance,
     .needs = "balance out", .usual = "rotate=12 shift=0.08 zoom-low=0.88 zoom-high=1.12 brightness=0.1 contrast=0.25",
     .examples =
     "  facegan data balance fer2013 --classes angry,happy,sad --balance augment:5000 --out three\n"},
    {"data", "import", "KIND LIST|DIR... --out DIR", "a published data set as a folder that every verb reads", 0,
     MAX_INPUTS_GIVEN, run_data_import, .examples =
     "  facegan data import affwild2 EXPR/ frames/ -o aff --detector retinaface --weights mobilenet0.25_Final.pth\n"
     "  facegan data import ferplus fer2013new.csv fer2013.csv -o ferplus    (or affectnet, rafdb, fer2013, folder)\n"},
    {"data", "doctor", "DATA", "find what is wrong with a data set, and what to do", 1, 1, run_data_doctor, .examples =
     "  facegan data doctor fer2013 --size 48\n"
     "  facegan data doctor fer2013 --fix clean.csv                        (a list that train takes instead)\n"},
    {"eval", NULL, "RUN DATA --classifier RUN",
     "the numbers of a generator: F1, FED, smoothness, discriminator F1, diversity", 2, 2, run_eval, .examples =
     "  facegan eval runs/ganmut faces --classifier runs/emotions\n"
     "  facegan eval runs/ganmut faces --classifier runs/emotions --html --out numbers.html\n"
     "  facegan eval models/noise-photos.safetensors fer2013              (samples, against what is held out)\n"
     "  facegan eval runs/ganmut faces --classifier runs/emotions --limit 500 --bootstrap 0 --csv\n"},
    {"study", "truth", "RUN... --out DIR", "GANmut's space against faces whose expression is known", 1,
     MAX_INPUTS_GIVEN,
     run_study_truth, .needs = "out", .examples = "  facegan study truth runs/ganmut runs/published --out truth\n"},
    {"study", "augment", "DATA [UNSEEN] --out DIR", "do drawn pictures help a classifier that has seen few real ones?",
     1, 2, run_study_augment, .needs = "out", .usual = "count=20 iters=2000 width=16 size=48 repeat=5:2,64", .examples =
     "  facegan study augment faces unseen --count 20 --repeat 5 --crop 44 --size 48 --grey --out augment\n"
     "  facegan study augment fer2013 --count 100 --drawn-by cgan --grey --out samples   (judged by the rest)\n"},
    {"study", "ganmut", "FILE --out DIR", "runs compared: the tables and figures of Surani's report", 1, 1,
     run_study_ganmut, .needs = "out", .examples =
     "  facegan study ganmut experiment.txt --out tables      (the file's lines: data, classifier, row, do)\n"},
    {"toy", "gan|wgan|wgan-gp", "[--shape ring|grid|spiral]",
     "a whole GAN in seconds, on points in the plane: a picture, a film, a verdict on mode collapse", 0, 0, run_toy,
     .usual = "iters=1500", .examples = "  facegan toy gan\n  facegan toy wgan-gp --shape grid\n"},
    {"report", NULL, "RUN", "write RUN/report.html: losses, samples over time, settings", 1, 1, run_report, .examples =
     "  facegan report runs/faces\n"},
    {"info", NULL, "FILE", "what a checkpoint or weights file holds", 1, 1, run_info, .examples =
     "  facegan info runs/faces/checkpoint.safetensors\n"
     "  facegan info 200000-G.ckpt --json\n"},
    {"convert", NULL, "IN OUT [--only G.] [--half] [--bgr] [--strip]",
     "weights from any format read here to .safetensors, .pt or .npz; a generator or classifier to .onnx", 2, 2,
     run_convert, .examples =
     "  facegan convert 200000-G.ckpt generator.safetensors\n"
     "  facegan convert runs/faces small.safetensors --only G. --half\n"
     "  facegan convert runs/faces alone.pt --strip                        (one network, names as PyTorch's own)\n"
     "  facegan convert ganmut-public-G.ckpt ganmut.safetensors --bgr      (and back the same way)\n"
     "  facegan convert runs/faces generator.pt --only G.                  (torch.load reads it)\n"
     "  facegan convert runs/faces generator.onnx                          (to run it anywhere)\n"},
    {"bench", "MODEL", "[--size P --batch N --channels X]", "time a training step (D's and G's) and a forward pass", 0,
     0, run_bench, .usual = "size=128", .examples =
     "  facegan bench stargan --size 48 --batch 8 --channels 1\n"
     "  facegan bench stargan --size 128 --batch 4 --roofline\n"
     "  facegan bench classifier --network vgg19 --size 224 --batch 4\n"},
    {"verify", NULL, "", "hold every op's kernels against its definition; facegan64 verify checks the gradients too",
     0, 0, run_verify, .examples = "  facegan verify\n  facegan verify --gpu\n  facegan64 verify\n"},
    {"step", NULL, "IN OUT", "one training iteration from a file, to hold another implementation against this one", 2,
     2, run_step, .examples = "  facegan step iteration.in.safetensors got.safetensors\n"},
    {"man", NULL, "[CHAPTER]", "the manual, a chapter or all of it", 0, 1, run_man, .examples =
     "  facegan man\n  facegan man losses\n  facegan man roff >facegan.1          (as a page for the program man)\n"},
    {"version", NULL, "", "version, commit, compiler, kernels", 0, 0, run_version, .examples = "  facegan version\n"},
    {"help", NULL, "[VERB [WHAT]]", "what a verb takes", 0, 2, NULL, .examples =
     "  facegan help train stargan\n  facegan help data\n"},
};

static const OptionChapter manual[] = {
    {"start", "",
     "facegan changes the expression on faces in photographs, and trains the networks that do so. Everything works\n"
     "without a network; nothing is ever downloaded.\n"
     "\n"
     "    facegan edit photo.jpg --emotion happy --out edited      with the model that comes with the program\n"
     "    facegan data draw --out faces --count 4000 --size 64     faces to learn from, drawn here\n"
     "    facegan train stargan faces --out runs/first --width 16 --size 48 --iters 7000\n"
     "    facegan report runs/first                                how the training goes: a page to open\n"
     "    facegan edit runs/first photo.jpg --emotion happy        use what was learnt\n"
     "\n"
     "`facegan --help` lists the verbs, `facegan VERB --help` a verb's options, with examples. `facegan man\n"
     "CHAPTER` prints a chapter of this manual, `facegan man all` every chapter, `facegan man ops` a line for each\n"
     "operation that networks are made of. The chapters:\n"
     "\n"},
    {"data", "data sets: what is read, how to take one in",
     "A data set is a folder with one folder of pictures for each class, if you like below folders called train,\n"
     "validation and test. Also read are the original fer2013.csv; CSV lists with columns path,label (or GANmut's\n"
     "subDirectory_filePath,expression), with commas, semicolons or tabs; and, with --attributes, CelebA's lists.\n"
     "JPEG, PNG, GIF, BMP and PNM are told by their content. Class names are read in any common spelling; class\n"
     "folders called 1 to 7 are RAF-DB's. Pictures are cut to their centred square and scaled.\n"
     "\n"
     "    facegan data doctor DIR                    opens every picture; says what is wrong and what to do\n"
     "    facegan data doctor DIR --json             the same, with the names of all duplicates and damaged files\n"
     "    facegan data doctor DIR --fix clean.csv    writes a list without them, which train takes like a folder\n"
     "\n"
     "The clean list leaves out damaged pictures and those that show nothing, and keeps one of each group of\n"
     "duplicates: the one in the test or validation part if there is one. Where the copies have different labels,\n"
     "it keeps none.\n"
     "\n"
     "    facegan data import KIND LIST|DIR... --out DIR\n"
     "\n"
     "turns a published data set into such a folder. With --detector it cuts the faces out. KIND is\n"
     "  affwild2  the EXPR annotations, then folders of frames or of videos. Videos are read through a program\n"
     "            ffmpeg, if there is one; where two people share a video, the face is looked for in the half that\n"
     "            _left or _right names\n"
     "  affectnet training.csv [validation.csv] PICTURES/, cut at the list's face boxes (--whole: not cut);\n"
     "            PICTURES/ is the folder in which the list's paths begin\n"
     "  rafdb     list_patition_label.txt [PICTURES/], or the folder in which EmoLabel/ and Image/ lie\n"
     "  fer2013   fer2013.csv, or the folders\n"
     "  ferplus   fer2013new.csv [fer2013.csv]: a class needs more than half of the votes; single votes are ignored\n"
     "  folder    anything else that is read here\n"
     "Rows of other classes (Other, unlabelled, contempt) are left out unless --classes names them. import.csv\n"
     "says what became of each of the others. An import that was stopped continues with the same command.\n"
     "\n"
     "    facegan data draw --out faces --count 4000 --size 64\n"
     "\n"
     "draws people who do not exist, whose expression is known exactly: it is made of facial action units.\n"
     "labels.csv has the truth about each picture. Every pixel follows from --seed. Photographs were labelled by\n"
     "people, who are surer of a strong smile than of a faint one: --viewers gives drawn faces such labels (the\n"
     "column `drawn` keeps the truth). `facegan data balance` makes all classes equally large.\n"},
    {"faces", "faces in photographs",
     "facegan edit, gamut, detect, crop and classify predict look for faces in photographs. edit pastes each face\n"
     "back; outside the pasted squares every pixel stays as it was. They use the detector that comes with the\n"
     "program, models/mtcnn.safetensors, unless another is named; edit, gamut and classify predict take a picture\n"
     "of at most 160 pixels for one face.\n"
     "\n"
     "    facegan edit photo.jpg --emotion happy --out happy.jpg      a file name: one picture\n"
     "    facegan edit photos/ --emotion all --out edited             a folder: every picture, every expression\n"
     "    facegan detect photo.jpg --out seen                         boxes and landmarks, and a picture of them\n"
     "    facegan crop photos/ --all --out faces                      every face as a picture of its own\n"
     "\n"
     "Other detectors need weights that do not come with the program:\n"
     "  --detector mtcnn       --weights a folder with pnet.pt, rnet.pt, onet.pt of facenet-pytorch, or det1.npy,\n"
     "                         det2.npy, det3.npy of facenet\n"
     "  --detector retinaface  --weights mobilenet0.25_Final.pth or Resnet50_Final.pth of Pytorch_Retinaface\n"
     "MTCNN takes longer the smaller --min-face is; RetinaFace is faster and more exact. Pictures larger than\n"
     "--max-side are scaled down for the detector. A lower --threshold finds more faces, and more that are none.\n"
     "\n"
     "    facegan train mtcnn fer2013 --backgrounds landscapes --out runs/detector\n"
     "\n"
     "trains a detector on pictures of single faces, which are pasted on pictures of anything else; --detector and\n"
     "--weights then name a teacher that says where in their pictures the faces are. `facegan data draw --scenes`\n"
     "writes such scenes, with drawn faces, and where in them the faces are.\n"},
    {"stargan", "StarGAN",
     "StarGAN (Choi et al. 2018) changes a face's expression with one generator G(x, c) for all classes, and a\n"
     "discriminator D that says whether a picture is real and which class it shows. G learns from three wishes:\n"
     "look real, look like class c, and give x back when asked for its own class again. --as-published follows the\n"
     "public code where it differs from the paper.\n"},
    {"photographs", "a StarGAN that edits photographs",
     "Edits of photographs that convince need more than the papers' equations. What each part is for (sources:\n"
     "facegan.c, 7.1):\n"
     "  --keep mask            G paints through a mask: the person stays, and the photograph keeps its detail\n"
     "  --keep warp            G also moves pixels before it paints, at the photograph's own resolution: what moves\n"
     "                         cannot blur, and keeps its colour\n"
     "  --lambda-mask 20       paint is dear, so that G moves what can be moved. With 3 it painted as before;\n"
     "                         with 0, on drawn faces, most of a brow\n"
     "  --lambda-moves 1       neighbouring pixels move together\n"
     "  --modulate             G's norms receive the label; the paper's planes have an effect only near the\n"
     "                         picture's border, and less the larger the picture is\n"
     "  --upsample resize      no checkerboards\n"
     "  --teacher A,B          classifiers that were trained before judge which emotion G drew, each on a turned,\n"
     "                         moved and noisy copy. (D's own class head learns along with G and is soon deceived\n"
     "                         by specks; --lambda-cls 0 leaves it out.) Train one of them with --adversarial: its\n"
     "                         gradients look like faces\n"
     "  --smoothing 0.1        teachers ask for no more certainty than that: no caricatures\n"
     "  --adv bce --reg r1 --source class --n-critic 3 --d-lr 1e-3 --lambda-gp 0.001\n"
     "                         a D that sees what a viewer sees, for each emotion by itself. Watch D.real and D.fake:\n"
     "                         while both stay at 0.69 (log 2), D sees nothing, and G learns from its teachers alone,\n"
     "                         who are convinced by strokes that no face has\n"
     "  --d-first 1000         in two runs this D saw nothing for 600 to 900 steps: it begins alone\n"
     "  --identity 0.5         half of the pictures, drawn with their own emotion, must stay as they are\n"
     "                         (the other half must find the way back). With 1 there is no way back, and teachers\n"
     "                         pull harder: --lambda-teacher 1.8 was too much, 0.7 too little for sad and disgust\n"
     "  --lambda-tv 0.3        changes are smooth: no grain\n"
     "  --average 0.998        edits are drawn with averaged weights\n"
     "  --face-margin 0        the pictures are cut like a detector's box, and edit cuts photographs alike\n"
     "  --diffaugment all      what D sees is changed by chance: for a few hundred pictures\n"
     "\n"
     "    facegan classify train photos --epochs 9 --erase 0.2 --weight-decay 0.0005 --out runs/one\n"
     "    facegan classify train photos --epochs 5 --lr 0.03 --adversarial 1 \\\n"
     "        --init runs/one/checkpoint.safetensors --out runs/two\n"
     "    facegan train stargan photos --grey --size 64 --width 32 --g-repeat 4 --d-repeat 4 --batch 12 \\\n"
     "        --source class --d-first 1000 --n-critic 3 --beta1 0 --beta2 0.99 --lr 1e-4 --d-lr 1e-3 --adv bce \\\n"
     "        --reg r1 --lambda-gp 0.001 --keep warp --lambda-mask 20 --lambda-moves 1 --upsample resize \\\n"
     "        --modulate --targets different \\\n"
     "        --balance oversample --identity 0.5 --average 0.998 --lambda-rec 6 --lambda-tv 0.3 --lambda-cls 0 \\\n"
     "        --lambda-teacher 2.2 --smoothing 0.1 --face-margin 0 --teacher runs/one,runs/two --iters 22000 \\\n"
     "        --init models/photo-stargan.safetensors --out runs/photos\n"
     "\n"
     "These are about an hour and a quarter of a processor core, and twenty minutes for the two classifiers. Two like\n"
     "these, which learnt for less time, are supplied:\n"
     "    --teacher models/teacher-1.safetensors,models/teacher-2.safetensors\n"
     "Without --init G learns what a face is, too: hours more. More --lambda-teacher makes an emotion surer, and its\n"
     "faces less like photographs of it: the supplied model's card has numbers.\n"},
    {"ganmut", "GANmut",
     "GANmut (d'Apolito et al. 2021) learns a space of emotions along with the generator G(x, z). Linear: z lies\n"
     "in the unit disc, neutral in the centre, every other emotion has a learnt direction, and the radius is how\n"
     "strong it is. --space gaussian: every emotion is a Gaussian in the square. --space-dim 3: a ball or a cube.\n"
     "D also tells where in the space a picture lies. The data need a class \"neutral\".\n"
     "\n"
     "    facegan train ganmut faces --out runs/ganmut --width 16 --size 48 --iters 10000\n"
     "    facegan edit runs/ganmut photo.jpg --emotion happy:0.6\n"
     "    facegan edit runs/ganmut photo.jpg --theta 40deg --rho 0.8         a direction and a strength\n"
     "    facegan edit runs/ganmut photo.jpg --xy 0.3,-0.5                   a point\n"
     "    facegan edit runs/ganmut photo.jpg --between happy,surprise:0.5    half way from one to the other\n"
     "    facegan gamut runs/ganmut photo.jpg --gif                          the space as a picture, a film, and a\n"
     "                                                                       page on which to drag a point\n"
     "\n"
     "log.csv and the report show how the space moves. On drawn faces the radius became the intensity when labels\n"
     "were surer of strong emotions (`data draw --viewers`) and the strength loss weighed more than the class loss\n"
     "(--lambda-rho 20); with --as-published, on the same labels, it only switched the emotion on. --mix, which is\n"
     "not in the paper, gives what lies between two directions a label of both in parts. D must be larger than G:\n"
     "--d-width 40 beside a G of --width 16. --init RUN starts from another run's networks, with other data or\n"
     "weights. `facegan study truth` measures all this.\n"
     "\n"
     "On photographs a G that was told the strength switched. With --fade 0.01 (ours) it draws two pictures,\n"
     "that of the centre and that of full strength in the same direction, and goes on a straight line from the one to\n"
     "the other. A classifier's belief rises there as a sigmoid does, late and then at once; so strength goes fast at\n"
     "first, slowly where belief comes, and fast in the end, for a sigmoid from 0.01 to 0.99. The losses see what it\n"
     "shows there. Strengths above 1 are then 1. With --keep mask or warp, masks, colours and movements are mixed,\n"
     "not pictures: a brow that is moved half as far does not stand double.\n"
     "\n"
     "--as-published follows the public code where it differs from the paper, and says at the start where that is.\n"
     "The public code reads pictures as BGR, which no file says: `facegan convert IN OUT --bgr` exchanges blue and\n"
     "red in the first and last layers, in both directions.\n"},
    {"noise", "faces from noise",
     "Faces from noise: gan, cgan (told a class), wgan, wgan-gp (--conditional tells them one), wacgan (D tells\n"
     "classes instead).\n"
     "\n"
     "    facegan train wacgan faces --grey --size 48 --out runs/wacgan\n"
     "    facegan sample runs/wacgan --out samples          --files --count 700: pictures and labels.csv to train on\n"
     "\n"
     "Every line of log.csv says whether G has collapsed (watch.*), measured on latents that never change: pixels\n"
     "and edges, how varied the samples are (1: as the data, 0: one picture); within, the same among samples of\n"
     "one class; nearest, how far from pictures of the data (0: copies); clusters, how many kinds of picture they\n"
     "reach; label, how much the class changes them; agreement, how often D sees the class asked for. --classifier\n"
     "RUN adds features (as pixels, of its features) and judged (how often it sees the class asked for).\n"
     "--on-collapse warn, stop, or rollback.\n"
     "\n"
     "Whenever samples are drawn, log.csv has the Frechet Emotion Distance (fed) of a thousand to as many held-out\n"
     "pictures, by the features of --classifier, else of models/fer2013-7 where it knows the classes. The weights\n"
     "of the lowest are kept: `facegan sample runs/wacgan/best.safetensors`. `facegan eval RUN DATA` measures all\n"
     "of it once more, of as many samples as there are held-out pictures.\n"
     "\n"
     "The defaults (width 16, batch 32) learn two thousand drawn faces of 48 px in four to ten minutes of one\n"
     "core. cgan's D is also shown real pictures under another label, as fakes (--wrong-labels --targets\n"
     "different), so that it must heed the class; for wgan and wgan-gp with --conditional it is an option.\n"
     "\n"
     "Photographs want --body style (all scales of G hear latent and class, D is told it by projection), R1, and for\n"
     "the class teachers, trained as in `facegan man photographs`:\n"
     "    facegan train cgan photos --grey --size 48 --body style --width 20 --d-width 32 --adv bce --reg r1 \\\n"
     "        --lambda-gp 0.1 --penalty-share 0.25 --no-wrong-labels --targets permute --beta1 0 --beta2 0.99 \\\n"
     "        --lr 2e-4 --d-lr 4e-4 --average 0.999 --teacher runs/one,runs/two --lambda-teacher 0.2 \\\n"
     "        --smoothing 0.1 --iters 35000 --out runs/photos\n"
     "Nine hundred landscapes wanted a D that learns faster than G, and sees them changed: --lambda-gp 0.01\n"
     "--d-lr 1e-3 --n-critic 3 --diffaugment all made skies, suns and meadows of what had been plain colours\n"
     "(models/README.md). On FER2013 FED fell from 0.130 to 0.123 with these rates, and rose again.\n"
     "A few hundred or thousand faces, from nothing, without a teacher: coarse faces in a quarter of an hour with\n"
     "    facegan train cgan photos --grey --size 48 --body style --width 16 --d-width 24 --batch 16 --adv bce \\\n"
     "        --reg r1 --lambda-gp 0.3 --penalty-share 0.25 --no-wrong-labels --targets permute --lr 4e-4 \\\n"
     "        --d-lr 8e-4 --beta1 0 --beta2 0.99 --average 0.995 --diffaugment brightness,contrast,translation \\\n"
     "        --iters 3500 --out runs/few\n"
     "The more the teachers count, the clearer the class and the less varied its faces: without them a small\n"
     "classifier finds the class of 41% of samples, with --lambda-teacher 0.1 of 55%, with 0.4 of 75%, of real\n"
     "photographs 68%; samples of one class are 0.90 as varied as photographs of it with 0.1, 0.82 with 0.4.\n"
     "\n"
     "--body dcgan, kolbenschlag, wacgan, style; --recipe kolbenschlag (wacgan) is Kolbenschlag's code as far as it\n"
     "is known; his report tells of collapse.\n"},
    {"classify", "emotion classifiers",
     "Emotion classifiers say which expression a picture shows; they also judge generators (`facegan man\n"
     "numbers`).\n"
     "\n"
     "    facegan classify predict face.png                          with the weights in models/\n"
     "    facegan classify train fer2013 --out runs/emotions         our small network, from the beginning\n"
     "    facegan classify eval fer2013 --classifier runs/emotions --out measured\n"
     "    facegan classify train fer2013 --network vgg19 --init vgg19.pth --unfreeze block5\n"
     "\n"
     "--network is small or large (48 px, 1.4 and 3.4 million parameters) or one of vgg16, vgg19, resnet18, resnet50\n"
     "(224 px, colour), which need trained weights: --init names a file with torchvision's names (.pt, .pth,\n"
     ".safetensors, .npz), or another run, or for VGG an .npz made from Keras:\n"
     "\n"
     "    import keras, numpy\n"
     "    numpy.savez(\"vgg19.npz\", **{w.path: w.numpy() for w in keras.applications.VGG19().weights})\n"
     "\n"
     "Only the last block and the head then learn, unless --unfreeze says otherwise; a frozen block's norms keep\n"
     "their running statistics. --preprocess must be what the weights were made with: torchvision, caffe (VGG from\n"
     "Keras), unit, tanh.\n"
     "\n"
     "The validation loss is computed after every pass through the data; the weights with the lowest are\n"
     "best.safetensors; --patience N stops N passes later. Pictures are changed anew in every pass: --rotate,\n"
     "--shift, --zoom-low, --zoom-high, --flip, --brightness, --contrast, --erase. The learning rate falls along\n"
     "half a cosine (small), stays (--decay none), or is halved when the validation loss stops falling (plateau).\n"
     "If a set has no validation part, a fifth of each class is held out. For rare classes there are --balance and\n"
     "--class-weights. --views flip or crops is slower and a little better.\n"},
    {"losses", "what healthy losses look like",
     "What healthy losses look like (wgan-gp):\n"
     "  D.real + D.fake   negative, a few units; drifting slowly. Running away: lower --lr, or raise --lambda-gp.\n"
     "  D.gp              small (0.01 to 0.3). Near 0 from the start and staying: D learns nothing.\n"
     "  D.cls             falls first, well below ln(classes).\n"
     "  G.cls             follows D.cls once D knows the classes. Staying at ln(classes): train longer, or raise\n"
     "                    --lambda-cls.\n"
     "  G.rec             falls to 0.05-0.15. Rising while G.cls falls: G changes too much; raise --lambda-rec.\n"
     "  D's accuracy on held-out pictures is the best early sign that anything is being learnt.\n"
     "With --adv bce D.real and D.fake go up and down, on the whole below 0.69 (log 2). Both near it for long: D sees\n"
     "nothing, since it learns too slowly for its G. Raise --d-lr and --n-critic, lower --lambda-gp; with a G that\n"
     "has learnt before (--init) begin with --d-first.\n"},
    {"numbers", "the numbers of a generator",
     "`facegan eval RUN DATA --classifier RUN` judges a generator by a classifier that was trained apart; another\n"
     "classifier gives other numbers, so its file's hash is printed beside them.\n"
     "  f1.edited      does the classifier see the emotion that was asked for? (f1.real: how well it does on real\n"
     "                 pictures)\n"
     "  fed            distance of the features' distributions; needs more pictures than features, better ten times\n"
     "  smoothness     share of an emotion's growth that comes in one of nine steps; read it beside smoothness.rising\n"
     "  discriminator  F1 of D's verdicts; low for fakes: D does not see them\n"
     "  diversity      near 1 is as varied as the data; nearest near 0: copies\n"
     "A `-` is a number that cannot be computed; it counts in no average. `facegan study ganmut FILE` compares\n"
     "runs, a line each: do COMMAND, data PATH, classifier NAME RUN, row NAME RUN...\n"},
    {"runs", "a run and its directory",
     "A run is a directory: config (its settings), log.csv, samples/, checkpoint.safetensors, report.html. After\n"
     "Ctrl-C, a crash or a power cut it continues where it stopped, with exactly the same result, if you repeat\n"
     "the command, or with\n"
     "\n"
     "    facegan train --out RUN\n"
     "    facegan train --out RUN --iters 20000       to extend it\n"
     "\n"
     "(the learning rate falls over the second half, so that this changes it). When a run continues, only the\n"
     "places of the data, of --init and of --teacher, --iters, --threads, --quiet, --isa, --patience, --on-collapse,\n"
     "--collapse-below, --sample-every, --save-every and --log-every may differ.\n"
     "\n"
     "`facegan report RUN` writes report.html, also while the training runs. A training that will take more than\n"
     "an hour says so in its first seconds; --dry-run says it before, with the memory needed. Fewer --iters, a\n"
     "smaller --width and a smaller --size make it shorter.\n"},
    {"speed", "speed and kernels",
     "`facegan bench stargan --size 48 --batch 8 --channels 1` times a D step, a G step and a forward pass;\n"
     "--roofline shows every node beside what the machine could do. FACEGAN_ISA=avx2 (avx512, portable, neon)\n"
     "chooses the kernels, FACEGAN_WINOGRAD=0 turns Winograd's algorithm off. --threads changes the time only:\n"
     "results are the same bits for any number of threads.\n"
     "\n"
     "Medians of runs in turn with PyTorch 2.13, two threads, two cores of an Intel Xeon (Sapphire Rapids,\n"
     "AVX-512) in a cloud, whose other users make each figure vary by a third:\n"
     "\n"
     "                                                     facegan   PyTorch   ratio (pairs)    memory in MB\n"
     "  StarGAN 48 px grey, batch 8: 5 D steps + 1 G        0.77 s    2.54 s   3.3 (2.7-3.7)    241 / 721\n"
     "  the same, 1 thread                                  1.51 s    4.39 s   2.9 (2.4-3.0)    241 / 713\n"
     "  the same, both with AVX2 at most                    1.33 s    3.55 s   2.7 (2.3-3.0)    241 / 720\n"
     "  StarGAN 128 px colour, batch 4: 5 D + 1 G           3.81 s    19.0 s   5.0 (4.5-5.1)    971 / 2170\n"
     "  one picture of 128 px through G                      41 ms    127 ms   3.1 (2.6-3.4)\n"
     "  VGG19 at 224 px, batch 4: a fine-tuning step        356 ms   1268 ms   3.6 (3.4-3.8)    318 / 799\n"
     "  MTCNN on a photograph of 1200 x 630                  54 ms    234 ms   4.4\n"
     "  RetinaFace MobileNet-0.25 on the same                20 ms     68 ms   3.4\n"
     "\n"
     "PyTorch runs StarGAN with the same shapes; its G step also computes D's weight gradients, as such code does.\n"
     "For the detectors, facegan's whole detection is compared with PyTorch's forward passes alone (one run).\n"
     "\n"
     "    facegan bench stargan --size 48 --batch 8 --channels 1 --threads 2 --roofline\n"
     "    facegan bench stargan --size 128 --batch 4\n"
     "    facegan bench classifier --network vgg19 --size 224 --batch 4\n"},
    {"gpu", "on an NVIDIA GPU",
     "`make gpu` compiles gpu.cu with nvcc (CUDA 12 or newer) and links the CUDA runtime statically; cuBLAS and\n"
     "cuDNN are not needed. Every operation has its second kernel there, so that all verbs work with --device gpu,\n"
     "and checkpoints move freely between GPU and CPU. --device auto takes the CPU where there is no GPU, too old\n"
     "a driver or too little memory, and says so; --device gpu ends with an error there. --precision tf32 (the\n"
     "default) and bf16 are for large convolutions on cards from sm_80 on; everything else is computed in fp32. A\n"
     "training step is one captured CUDA graph. `facegan verify --gpu` holds every kernel against its definition\n"
     "and against the CPU.\n"
     "\n"
     "This part has not yet run on a real GPU. It is compiled by nvcc 13.0 for sm_75 to sm_90 without a warning\n"
     "and without spilled registers; and it runs on the CPU, where tests/cuda_on_cpu.h stands in for the GPU, with\n"
     "every operation, whole training iterations, threads in different orders, and sanitizers (`make\n"
     "test-gpu-emulated`). What only a GPU can show (races within a warp, compute-sanitizer, speed, long\n"
     "trainings) is tested by `sh tests/gpu.sh OUT`, which prints one summary; it accepts a build/facegan-gpu from\n"
     "another machine.\n"},
    {"documents", "the four documents, reproduced",
     "facegan was built around four documents. Each is repeated by one command, which trains what the document\n"
     "trained, measures it, and writes OUT/report.html: the document's numbers beside ours and why they differ, its\n"
     "figures, the settings, and what the budget cut.\n"
     "\n"
     "    facegan reproduce classifier fer2013 photos      Emotion Detection in Images; photos/ is predicted\n"
     "    facegan reproduce stargan fer2013 celeba.txt     Ceovic et al.: StarGAN, its losses, ablations; a list of\n"
     "                                                     attributes, if there is one: each turned round\n"
     "    facegan reproduce noise faces weather            Kolbenschlag: GANs from noise, and the future work\n"
     "    facegan reproduce ganmut A B C D                 Surani: GANmut on two data sets by two detectors\n"
     "\n"
     "--budget (2h, 30m, or full: as long as the document trained, where it tells) is shared among the experiments;\n"
     "--dry-run shows how. What was stopped, or killed, goes on with the same command, what is done is not done\n"
     "again; with a larger budget every network trains on from where it is. What needs a folder that is not given is\n"
     "left out.\n"
     "\n"
     "Aff-Wild2 and AffectNet are given to researchers only. Any faces stand in; what the shape needs is made so:\n"
     "    facegan data import affwild2 EXPR/ videos/ -o A --detector retinaface --weights mobilenet0.25_Final.pth\n"
     "    facegan data import affwild2 EXPR/ videos/ -o B --detector mtcnn\n"
     "    facegan data import affectnet training.csv PICTURES/ -o C --detector retinaface --weights ...\n"
     "    facegan data import affectnet training.csv PICTURES/ -o D --detector mtcnn\n"
     "import.csv in each says in which pictures a face was found (Surani: in 16% of AffectNet's with a high\n"
     "--threshold, in 50% with 0.1). A and C together are its \"Combined\".\n"
     "\n"
     "What Surani's document leaves open:\n"
     "  smoothness        the largest of nine steps upwards over largest less smallest probability (`smoothness`),\n"
     "                    or, as the text has it first, over what lies between the weakest and the strongest edit\n"
     "                    (`smoothness.ends`, of curves that end higher than they begin); further down it is \"the\n"
     "                    total variation across the series\", which can be no smaller than the first. They are the\n"
     "                    same where a curve only rises. The least that a rising curve can have is 0.11: the\n"
     "                    document's 0.054 is of one that falls, whose steps upwards are small, or of another\n"
     "                    definition\n"
     "  falling curves    count in the mean, it seems; `smoothness.rising` is the share that never falls\n"
     "  Frechet distance  is of \"either the last convolutional or dense layer\", which of them is not told; ours is\n"
     "                    the last convolution's mean. It grows with the features' number and size, so two judges'\n"
     "                    numbers should not be compared, though the document does, nor ours with its\n"
     "  discriminator F1  the threshold is not told; ours is the midpoint of D's means on real and edited pictures.\n"
     "                    The document's average is not the mean of its two numbers; ours is\n"
     "  equation 8        is printed with the gradient penalty's sign reversed, which would pay D for steep slopes;\n"
     "                    ours is added\n"
     "  judges            are trained on AffectNet's own cut-outs, after RAF-DB gave \"issues of overfitting\"; yet a\n"
     "                    better FED is told of RAF-DB\n"
     "Pictures are taken in the order of their names (of a list: in its own), so that no number depends on the order\n"
     "in which a disk has them.\n"
     "\n"
     "`facegan study augment DATA` asks Kolbenschlag's question alone, for any --count and --repeat: does a\n"
     "classifier that has seen few real pictures gain by drawn ones (--drawn-by stargan: edits of them, cgan:\n"
     "samples from noise)? Each classifier takes ten passes through all pictures, and 500 steps at least (--epochs\n"
     "says otherwise), and answers with its last weights. On FER2013 no gain is sure: angry, happy, sad, 48 px grey,\n"
     "--drawn-by cgan --iters 2000, five seeds, right of 600 unseen, real only | real and drawn: 20 pictures of a\n"
     "class (--epochs 100) 43.8 | 43.0% (p 0.29), 100: 42.2 | 44.3% (p 0.15), 500: 62.8 | 51.2% (p 0.11).\n"
     "\n"
     "`facegan study ganmut FILE` makes Surani's tables of any runs.\n"},
    {"papers", "where facegan differs from the papers and the public code",
     "The default is the paper's equation; --as-published is the public code where the two differ, and prints at\n"
     "the start what that means for the model at hand.\n"
     "\n"
     "  the learning rate's second half    paper: it falls to 0 with every iteration. --as-published: by one\n"
     "                                     iteration's share every 1000 iterations, by 0.1% in all\n"
     "  GANmut's way back                  paper: to where D puts the input (equation 7). --as-published: the same\n"
     "                                     with noise and random directions (--cycle approximate); --cycle original:\n"
     "                                     to where D puts the edit\n"
     "  GANmut, Gaussian                   pictures are drawn at tanh(mu), the Gaussians' means. --as-published:\n"
     "                                     drawn at mu, judged by Gaussians around tanh(mu), --lambda-cls 2\n"
     "  GANmut in three dimensions         random directions on the whole sphere. --as-published: on the part of\n"
     "                                     it whose coordinates are positive\n"
     "\n"
     "Ceovic et al.'s ablations are options: --lambda-cls 0; --targets different (never a picture's own label);\n"
     "--adv bce (their log loss); --adv bce-saturating (their equation to the letter). `facegan reproduce --help`\n"
     "lists the documents whose experiments can be repeated; `facegan study ganmut` makes the tables of Surani's\n"
     "report.\n"
     "\n"
     "`facegan step` gives the losses and gradients of an independent float64 program to 5e-8 in the double build,\n"
     "and PyTorch's gradients on other sizes and widths to 2e-13 (`make test-torch`); every operation's first and\n"
     "second gradient agrees with central differences to 1e-8 (`facegan64 verify`). FED agrees with SciPy on the\n"
     "same features to 2e-7. Every operation and network written as ONNX gives the same output in onnxruntime to\n"
     "7e-5.\n"},
    {"traps", "what cost days",
     "- Instance norm uses each picture's own statistics in training and in use; running statistics in public\n"
     "checkpoints are ignored.\n"
     "- A transposed convolution's filter is (in, out, R, S) in files, its adjoint's (out, in, R, S): the fan-in\n"
     "of its initial values is its OUTPUT channels times R S.\n"
     "- The gradient penalty takes the gradient of the SUM of D's patch map.\n"
     "- The norm's gradient at 0 must be 0, not NaN.\n"
     "- Adam's first step is a sign: where the true gradient is 0, rounding decides it, so compare steps with\n"
     "care.\n"
     "- A grey StarGAN without --keep may begin with negatives and would stay there: G undoes them on the way back,\n"
     "and D hardly minds. In the first 500 iterations such a G is turned (not with --as-published).\n"
     "- Strengths between 0 and 1 (happy:0.5) are labels StarGAN never saw. A G with --keep mask or warp draws the\n"
     "whole label and makes a part of its change; without, a model with a continuous space does this better.\n"},
    {"option", "how to add an option",
     "An option is one row of FACEGAN_SETTINGS (facegan.h) and the line that reads it as s->name. The struct,\n"
     "the command line, --help, config, checkpoints, did-you-mean and refusals follow from the row.\n"
     "\n"
     "    X(f, l1, \"l1\", \"0\", RANGE(0, 10), FIXED, TRAIN, \"classifier\", \"weight of the mean of |score|\")\n"
     "\n"
     "  kind and field      f number, i whole number, b switch, s text (l and p: longer ones, for lists and paths)\n"
     "  name, usual value   as they are typed\n"
     "  what it may be      RANGE of a number, ONEOF(\"one|two|three=old word\"), ANY text; the first row of a group\n"
     "                      adds IN(\"losses\")\n"
     "  FIXED or FREE       may a run go on with another value? COMMAND, OTHER: not part of a run\n"
     "  verbs, models       who takes it: words of the verbs' and models' tables, or EVERY\n"
     "\n"
     "What is usual for some models only is a word in usual_of_models (9.1); for one command, with its own range\n"
     "if it has one, in the verb's row (16.2). A run from before the option was there goes on with the usual\n"
     "value, which must therefore mean what was done before. tests/test_facegan.c tries every row.\n"
     "\n"
     "A loss is an option, its weight, and a term of a step; of G in StarGAN and GANmut it stands in further_terms\n"
     "(7.1). log.csv and the report get its curve by the name. A weight of 0 must leave the term out: then old\n"
     "runs go on with the same bits.\n"
     "\n"
     "    if (s->lambda_tv > 0) add_term(step, \"G.tv\", total_variation(sub(step->fake, x)), s->lambda_tv);\n"
     "\n"
     "Tried: the row l1, and its term in classifier_step: 2 lines.\n"},
    {"op", "how to add an op",
     "An op is a row of FACEGAN_OPS in facegan.h; what the row asks for does not compile without it.\n"
     "\n"
     "  facegan.h           OP(cube, \"y = x^3\")\n"
     "  facegan.c, 3        its constructor, which model code calls; SHAPE, DEFINE (plain loops over double), CPU,\n"
     "                      GRADIENT (made of constructors) and CASE. A pointwise op: POINTWISE(...) and its\n"
     "                      GRADIENT; its numbers are y->a and y->b, 0.3 and -0.7 in its test\n"
     "  vendor/kernels.h    the fast loop; of a pointwise op a word in its list and a case of MAP (x, w are the\n"
     "                      operands; no comma outside brackets)\n"
     "  tests/test_kernels.c    of a pointwise op its definition once more\n"
     "  gpu.cu              cube_gpu; of a pointwise op a case, and POINTWISE(cube)\n"
     "  facegan.c, 14.14    its ONNX operator. Without one `convert` to .onnx says which op it cannot write; the\n"
     "                      list in tests/test_onnx.c says what must be writable\n"
     "\n"
     "What is forgotten does not compile, or warns, but for a case in gpu.cu: that computes something else, and\n"
     "`verify --gpu` tells.\n"
     "\n"
     "`facegan verify` then holds its kernels, under every instruction set and number of threads, against the\n"
     "definition, `facegan64 verify` its gradients of both orders, `facegan verify --gpu` the GPU's kernel.\n"
     "Tried: cube, 11 new lines and 2 changed ones in 5 files, and a line in tests/test_kernels.c.\n"},
    {"model", "how to add a model",
     "A model is a row of `models` (facegan.c, 12.2), and, where it differs, of usual_of_models (9.1). Verbs,\n"
     "--help, samples, checkpoints and reports ask the row.\n"
     "\n"
     "    {.name = \"ls-gan\", .kinds = \"ls-gan noise\", FROM_NOISE, .quirks = ...}\n"
     "    {\"ls-gan\", \"\", \"adv=lsgan reg=r1 lambda-gp=1 beta2=0.99\"}\n"
     "\n"
     "`kinds` says whose options it takes; \"noise\" are those of all GANs that draw from noise. A system that is\n"
     "like no other also brings its networks (chapter 5; the first call makes the parameters), its D step and G\n"
     "step (chapter 7: losses, then finish_step), what its settings must be (check), its random draws (add_draws)\n"
     "and a cell of its sample sheet (show). `facegan step` then holds it against another implementation, see\n"
     "tests/torch_*.py.\n"
     "Tried: these two rows, 2 lines: it trains, samples, goes on and is listed; wacgan's own part is 60 lines.\n"},
    {"format", "how to add a format of data sets",
     "A format of data sets is a row of dataset_formats (vendor/dataset.h, 7). train, eval, the doctor and\n"
     "`data import` read what is recognised.\n"
     "\n"
     "    {\"JAFFE list\", \"jaffe\", dataset_is_jaffe, .label = dataset_label_by_column,\n"
     "     .picture = dataset_picture_by_path}\n"
     "\n"
     "  the doctor's and import's name    the second may be NULL\n"
     "  is                  does the first row look like it? It says which field is what (list->column)\n"
     "  numbers             which number is which emotion, where labels are numbers\n"
     "  folders, ending     where its pictures usually lie beside the list\n"
     "  split, label, picture, place      of a row; those of other formats often do\n"
     "\n"
     "`is` finds the first row's fields in list->table->fields, n_fields of them, and sets list->column[DATA_PATH]\n"
     "and [DATA_LABEL]; where that row is data and no heading, also list->table->again = 1. A format is asked in\n"
     "the order of the table: one that recognises more stands further down. tests/test_dataset.c has the list of\n"
     "the names that `data import` takes.\n"
     "Tried: a list with a first row of its own: 11 lines.\n"},
};

#endif
