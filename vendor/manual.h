/* manual.h: how the program is used, in its own words. First the verbs, a row each: what it is called, what it takes,
 * what it does, the function in facegan.c that does it, and examples. Then what `facegan man` says, chapter by chapter:
 * for people who use the program, and, at the end, for those who add to it (option, op, model, format). facegan.c
 * includes it where it has all that the rows name (16.2). */
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
     "  facegan classify predict party.jpg --detector retinaface --weights mobilenet0.25_Final.pth --json\n"},
    {"reproduce", "classifier=003", "DATA [--budget 2h|full] [--out DIR]",
     "Emotion Detection in Images: its experiments on the data given, its numbers beside ours", 1, 1, run_reproduce,
     .usual = "classes=angry,happy,sad balance=augment:5000 validation=0.2", .kind = "classifier", .examples =
     "  facegan reproduce classifier fer2013 --out runs/classifier\n"
     "  facegan reproduce classifier fer2013 --network vgg19 --init vgg19.pth --out runs/classifier-vgg19\n"},
    {"reproduce", "stargan|ganmut|noise", "DATA... [--budget 2h|full] [--out DIR]",
     "Ceovic et al.'s, Surani's (1 to 4 folders of faces), or Kolbenschlag's experiments (FACES [WEATHER])", 1, 4,
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
     "  facegan edit runs/faces party.jpg --emotion happy --detector mtcnn --weights mtcnn/ --out edited\n"},
    {"gamut", NULL, "RUN IMAGE... [--gif]",
     "GANmut's space of emotions: a picture for each face, and one page to explore it", 2,
     MAX_INPUTS_GIVEN, run_gamut, .examples =
     "  facegan gamut runs/ganmut photo.jpg --out gamut\n"
     "  facegan gamut runs/ganmut *.png --gif --path neutral,happy,surprise,neutral\n"},
    {"detect", NULL, "IMAGE...|DIR --detector D --weights W",
     "find faces in photographs: boxes, scores, five landmarks", 1, MAX_INPUTS_GIVEN, run_detect, .examples =
     "  facegan detect photo.jpg --detector mtcnn --weights mtcnn/\n"
     "  facegan detect frames/ --detector retinaface --weights mobilenet0.25_Final.pth --csv\n"
     "  facegan detect party.jpg --detector retinaface --weights Resnet50_Final.pth --out seen      (draws boxes)\n"},
    {"crop", NULL, "IMAGE...|DIR --detector D --weights W --out DIR",
     "cut faces out of photographs, upright or aligned by their landmarks", 1, MAX_INPUTS_GIVEN, run_crop,
     .needs = "out", .examples =
     "  facegan crop frames/ --detector mtcnn --weights mtcnn/ --out faces --size 112\n"
     "  facegan crop party.jpg --detector retinaface --weights mobilenet0.25_Final.pth --align --all --out faces\n"},
    {"data", "draw", "--out DIR", "draw faces whose expression is known", 0, 0, run_data_draw, .needs = "out",
     .usual = "size=128:16,512", .examples =
     "  facegan data draw --out faces --count 4000 --size 64 --seed 1 --emotions happy,sad,angry\n"
     "  facegan data draw --out faces --count 100000 --weakest 0 --blends 0.3 --viewers       (for GANmut)\n"},
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
     "  facegan eval runs/ganmut faces --classifier runs/emotions --limit 500 --bootstrap 0 --csv\n"},
    {"study", "truth", "RUN... --out DIR", "GANmut's space against faces whose expression is known", 1,
     MAX_INPUTS_GIVEN,
     run_study_truth, .needs = "out", .examples = "  facegan study truth runs/ganmut runs/published --out truth\n"},
    {"study", "augment", "DATA UNSEEN --out DIR", "do drawn pictures help a classifier that has seen few real ones?",
     2, 2, run_study_augment, .needs = "out", .usual = "count=20 iters=2000 width=16 size=48 repeat=5:2,64", .examples =
     "  facegan study augment faces unseen --count 20 --repeat 5 --crop 44 --size 48 --grey --out augment\n"},
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
    {"convert", NULL, "IN OUT [--only G.] [--half] [--bgr]",
     "weights from any format read here to .safetensors, .pt or .npz; a generator or classifier to .onnx", 2, 2,
     run_convert, .examples =
     "  facegan convert 200000-G.ckpt generator.safetensors\n"
     "  facegan convert runs/faces small.safetensors --only G. --half\n"
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
     "  facegan man\n  facegan man losses\n"},
    {"version", NULL, "", "version, commit, compiler, kernels", 0, 0, run_version, .examples = "  facegan version\n"},
    {"help", NULL, "[VERB [WHAT]]", "what a verb takes", 0, 2, NULL, .examples =
     "  facegan help train stargan\n  facegan help data\n"},
};

static const OptionChapter manual[] = {
    {"start", "",
     "facegan trains generators of facial expressions and looks after everything around them.\n"
     "\n"
     "    facegan data draw --out faces --count 4000 --size 64     faces to learn from, drawn here\n"
     "    facegan train stargan faces --out runs/first --width 16  learn to change expressions\n"
     "    facegan edit runs/first photo.jpg --emotion happy        use what was learnt\n"
     "\n"
     "Every verb has --help with examples. `facegan man CHAPTER` goes on; `facegan man all` is everything,\n"
     "`facegan man ops` every op in a line:\n"
     "\n"},
    {"data", "data sets: what is read, how to take one in",
     "A data set is a folder with one folder of pictures for each class, with or without train, validation and\n"
     "test above; or the original fer2013.csv; or a CSV list with columns path,label (or GANmut's\n"
     "subDirectory_filePath,expression); or, with --attributes, a CelebA-style list. Class names are read in any\n"
     "common spelling. Pictures are cut to their centred square and scaled. `facegan data doctor DIR` looks at\n"
     "every picture and says what is wrong and what to do. `facegan data import KIND LIST|DIR... --out DIR` turns\n"
     "a published set into such a folder, with --detector by cutting faces out:\n"
     "  affwild2  the EXPR annotations, then folders of frames or of videos (through an ffmpeg on PATH)\n"
     "  affectnet training.csv [validation.csv] PICTURES/, cut at the list's face boxes (--whole: not)\n"
     "  rafdb     list_patition_label.txt [PICTURES/]        fer2013  fer2013.csv, or the folders\n"
     "  ferplus   fer2013new.csv [fer2013.csv]: a class needs more than half of the votes, single votes not counted\n"
     "  folder    anything else that is read here\n"
     "Rows of other classes (Other, unlabelled, contempt) are left out unless --classes names them. import.csv\n"
     "says what became of each row; stopped in the middle, the same command goes on. `facegan data draw` makes\n"
     "faces whose expression is known exactly, from facial action units.\n"},
    {"faces", "faces in photographs",
     "Faces in photographs: `facegan detect` says where they are, `facegan crop` cuts them out, `facegan edit RUN\n"
     "photo.jpg --detector ...` edits each and pastes it back; what lies outside the pasted squares keeps every\n"
     "bit.\n"
     "  --detector mtcnn       --weights a folder with pnet.pt, rnet.pt, onet.pt of the port facenet-pytorch\n"
     "  --detector retinaface  --weights mobilenet0.25_Final.pth or Resnet50_Final.pth of Pytorch_Retinaface\n"
     "Nothing is downloaded. MTCNN finds small faces more slowly the smaller --min-face is; RetinaFace is the\n"
     "faster and more exact one. Pictures larger than --max-side are scaled down for the detector. A lower\n"
     "--threshold finds more, and more that is no face.\n"},
    {"stargan", "StarGAN",
     "StarGAN (Choi et al. 2018) changes a face's expression with one generator G(x, c) for all classes, and a\n"
     "discriminator D that says whether a picture is real and which class it shows. G learns from three wishes:\n"
     "look real, look like class c, and give x back when asked for its own class again. --as-published follows the\n"
     "public code where it differs from the paper.\n"},
    {"photographs", "a StarGAN that edits photographs",
     "Edits of photographs that convince need more than the papers' equations. What each part is for (sources:\n"
     "facegan.c, 7.1):\n"
     "  --keep mask            G paints through a mask: the person stays, and what is pasted back keeps the\n"
     "                         photograph's detail\n"
     "  --modulate             G's norms hear the label; the paper's planes are heard at the picture's border only,\n"
     "                         the less the larger it is\n"
     "  --upsample resize      no checkerboards\n"
     "  --teacher A,B          classifiers that were trained before say which emotion G drew, each seeing the\n"
     "                         picture\n"
     "                         turned, moved and noisy; D's own class head, which learns along, is soon fooled by\n"
     "                             specks\n"
     "                         (--lambda-cls 0 leaves it out). One of them should be trained with --adversarial: its\n"
     "                         gradients look like faces\n"
     "  --smoothing 0.1        teachers ask for no more certainty than that: no caricatures\n"
     "  --adv bce --reg r1 --lambda-gp 0.01 --d-lr 5e-4 --n-critic 2      a D that sees what a viewer sees\n"
     "  --identity 0.5         half of the pictures, drawn with their own emotion, must stay as they are\n"
     "  --lambda-tv 0.3        changes are smooth: no grain\n"
     "  --average 0.999        edits are drawn with averaged weights\n"
     "  --face-margin 0        the pictures are cut like a detector's box, and edit cuts photographs alike\n"
     "  --diffaugment all      what D sees is changed by chance: for a few hundred pictures\n"
     "\n"
     "    facegan classify train photos --epochs 9 --erase 0.2 --weight-decay 0.0005 --out runs/one\n"
     "    facegan classify train photos --epochs 5 --lr 0.03 --adversarial 1 --init\n"
     "        runs/one/checkpoint.safetensors \\\n"
     "        --out runs/two\n"
     "    facegan train stargan photos --grey --size 64 --width 32 --g-repeat 4 --d-repeat 4 --batch 12 --n-critic\n"
     "        2 \\\n"
     "        --beta1 0 --beta2 0.99 --lr 2e-4 --d-lr 5e-4 --adv bce --reg r1 --lambda-gp 0.01 --keep mask \\\n"
     "        --upsample resize --modulate --targets different --balance oversample --identity 0.5 --average 0.999 \\\n"
     "        --lambda-rec 6 --lambda-tv 0.3 --lambda-cls 0 --lambda-teacher 0.8 --smoothing 0.1 --face-margin 0 \\\n"
     "        --teacher runs/one,runs/two --out runs/photos\n"},
    {"ganmut", "GANmut",
     "GANmut (d'Apolito et al. 2021) learns a space of emotions along with the generator G(x, z). Linear: z lies\n"
     "in the unit disc, neutral in the centre, every other emotion has a learnt direction, and the radius is how\n"
     "strong it is. --space gaussian: every emotion is a Gaussian in the square. --space-dim 3: a ball or a cube.\n"
     "D also tells where in the space a picture lies.\n"
     "\n"
     "    facegan train ganmut faces --out runs/ganmut              needs a class \"neutral\"; log.csv and the\n"
     "        report show the space move\n"
     "    facegan edit runs/ganmut photo.jpg --emotion happy:0.6    or --theta 40deg --rho 0.8, --xy 0.3,-0.5,\n"
     "        --between happy,surprise:0.5\n"
     "    facegan gamut runs/ganmut photo.jpg --gif                 the space as a picture, a film and a page to\n"
     "        drag a point on\n"
     "\n"
     "On drawn faces the radius became intensity with labels that are surer of strong emotions (`data draw\n"
     "--viewers`) and a strength loss that outweighs the class loss (--lambda-rho 20); --as-published, on the same\n"
     "labels, made it a switch. --mix, which is not in the paper, gives what lies between two directions a label\n"
     "of both in parts. D needs room: --d-width 40 beside a G of --width 16. --init RUN goes on from another run's\n"
     "networks with other data or weights. `facegan study truth` measures it all.\n"
     "\n"
     "--as-published follows the public code where it differs from the paper, and says at the start where that is.\n"
     "The public code reads pictures as BGR, which no file says: `facegan convert IN OUT --bgr` exchanges blue and\n"
     "red in the first and last layers, on the way in and on the way out.\n"},
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
     "RUN, of the same size, adds features (as pixels, of its features) and judged (how often it sees the class\n"
     "asked for). --on-collapse warn, stop, or rollback.\n"
     "\n"
     "The defaults (width 16, batch 32) learn two thousand drawn faces of 48 px in four to ten minutes of one\n"
     "core. cgan's D is also shown real pictures under another label, as fakes (--wrong-labels --targets\n"
     "different), so that it must heed the class; for wgan and wgan-gp with --conditional it is an option. For\n"
     "photographs: --width 32 and more --iters. Is the class right? Ask one who never saw G:\n"
     "    facegan sample runs/cgan --files --count 700 --out drawn\n"
     "    facegan classify eval drawn --classifier runs/judge --split all --out judged\n"
     "\n"
     "--body dcgan, kolbenschlag, wacgan; --recipe kolbenschlag (wacgan) is Kolbenschlag's code as far as it is\n"
     "known; his report tells of collapse.\n"},
    {"classify", "emotion classifiers",
     "Emotion classifiers say which expression a picture shows; they also judge generators (`facegan man\n"
     "metrics`).\n"
     "\n"
     "    facegan classify predict face.png                          with the weights in models/\n"
     "    facegan classify train fer2013 --out runs/emotions         our small network, from nothing\n"
     "    facegan classify eval fer2013 --classifier runs/emotions --out measured\n"
     "    facegan classify train fer2013 --network vgg19 --init vgg19.pth --unfreeze block5\n"
     "\n"
     "--network small (48 px, 1.4 million parameters) or vgg16, vgg19, resnet18, resnet50 (224 px, colour), whose\n"
     "weights come from --init: files with torchvision's names, VGG also with Keras' (an .h5 file becomes an .npz\n"
     "by two lines of Python: README), or another run. Only the last block and the head then learn, unless\n"
     "--unfreeze says otherwise; a frozen block's norms keep their running statistics. --preprocess must be what\n"
     "the weights were made with: torchvision, caffe (VGG from Keras), unit, tanh. The validation loss is watched\n"
     "after every pass; its lowest is best.safetensors; --patience N stops N passes later. Pictures are changed\n"
     "anew in every pass: --rotate, --shift, --zoom-low, --zoom-high, --flip, --brightness, --contrast, --erase.\n"
     "The rate falls along half a cosine (small), stays (--decay none), or is halved when the validation loss\n"
     "stops falling (plateau). A set without a validation part has a fifth of each class held out. --balance,\n"
     "--class-weights: for rare classes. --views flip or crops: slower and a little better.\n"},
    {"losses", "what healthy losses look like",
     "What healthy losses look like (wgan-gp):\n"
     "  D.real + D.fake   negative, a few units; drifting slowly. Running away: lower --lr, or raise --lambda-gp.\n"
     "  D.gp              small (0.01 to 0.3). Near 0 from the start and staying: D learns nothing.\n"
     "  D.cls             falls first, well below ln(classes).\n"
     "  G.cls             follows D.cls once D knows the classes. Staying at ln(classes): train longer, or raise\n"
     "                    --lambda-cls.\n"
     "  G.rec             falls to 0.05-0.15. Rising while G.cls falls: G changes too much; raise --lambda-rec.\n"
     "  D's accuracy on held-out pictures is the best early sign that anything is being learnt.\n"},
    {"numbers", "the numbers of a generator",
     "`facegan eval RUN DATA --classifier RUN` judges a generator by a classifier that was trained apart; another\n"
     "classifier gives other numbers, so its file's hash is printed beside them.\n"
     "  f1.edited      does the classifier see the emotion that was asked for? (f1.real: how well it does on real\n"
     "                 pictures)\n"
     "  fed            distance of the features' distributions; needs more pictures than features, better ten times\n"
     "  smoothness     share of an emotion's growth that comes in one of ten steps; read it beside smoothness.rising\n"
     "  discriminator  F1 of D's verdicts; low for fakes: D does not see them\n"
     "  diversity      near 1 is as varied as the data; nearest near 0: copies\n"
     "A `-` is a number that cannot be computed; it counts in no average. `facegan study ganmut FILE` compares\n"
     "runs, a line each: do COMMAND, data PATH, classifier NAME RUN, row NAME RUN...\n"},
    {"runs", "a run and its directory",
     "A run is a directory: config, log.csv, samples/, checkpoint.safetensors, report.html. The same command goes\n"
     "on where it stopped, bit for bit, after Ctrl-C, a crash or a power cut; a larger --iters extends it (the\n"
     "learning rate's schedule then moves, because it falls over the second half). Only --data, --iters,\n"
     "--threads, --quiet, --isa, --sample-every, --save-every and --log-every may differ.\n"},
    {"speed", "speed, kernels, the GPU",
     "`facegan bench stargan --size 48 --batch 8 --channels 1` times a D step, a G step and a forward pass;\n"
     "--roofline shows every node. FACEGAN_ISA=avx2 (avx512, portable, neon) chooses the kernels,\n"
     "FACEGAN_WINOGRAD=0 turns Winograd's algorithm off. --threads changes the time only: results are the same\n"
     "bits for any number of threads. `make gpu` builds the program with a GPU part: --device gpu (or auto),\n"
     "--precision tf32, bf16 or fp32; `facegan verify --gpu` checks it.\n"},
    {"traps", "what cost days",
     "- Instance norm uses each picture's own statistics in training and in use; running statistics in public\n"
     "checkpoints are ignored.\n"
     "- A transposed convolution's filter is (in, out, R, S) in files, its adjoint's (out, in, R, S): the fan-in\n"
     "of its initial values is its OUTPUT channels times R S.\n"
     "- The gradient penalty takes the gradient of the SUM of D's patch map.\n"
     "- The norm's gradient at 0 must be 0, not NaN.\n"
     "- Adam's first step is a sign: where the true gradient is 0, rounding decides it, so compare steps with\n"
     "care.\n"
     "- Strengths between 0 and 1 (happy:0.5) are labels StarGAN never saw: a model with a continuous space does\n"
     "this better.\n"},
    {"option", "how to add an option",
     "An option is one row of FACEGAN_SETTINGS (facegan.h) and the line that reads it as s->name. The struct,\n"
     "the command line, --help, config, checkpoints, did-you-mean and refusals follow from the row.\n"
     "\n"
     "    X(f, l1, \"l1\", \"0\", RANGE(0, 10), FIXED, TRAIN, \"classifier\", \"weight of the mean of |score|\")\n"
     "\n"
     "  kind and field      f number, i whole number, b switch, s text\n"
     "  name, usual value   as they are typed\n"
     "  what it may be      RANGE of a number, ONEOF(\"one|two|three=old word\"), ANY text; the first row of a group\n"
     "                      adds IN(\"losses\")\n"
     "  FIXED or FREE       may a run go on with another value? COMMAND, OTHER: not part of a run\n"
     "  verbs, models       who takes it: words of the verbs' and models' tables, or ALL\n"
     "\n"
     "What is usual for some models only is a word in usual_of_models (9.1); for one command, with its own range\n"
     "if it has one, in the verb's row (16.2). A run from before the option was there goes on with the usual\n"
     "value, which must therefore mean what was done before. tests/test_facegan.c tries every row.\n"
     "Tried: this row, and its term in classifier_step: 2 lines.\n"},
    {"op", "how to add an op",
     "An op is a row of FACEGAN_OPS in facegan.h; what the row asks for does not compile without it.\n"
     "\n"
     "  facegan.h           OP(cube, \"y = x^3\")\n"
     "  facegan.c, 3        its constructor, which model code calls; SHAPE, DEFINE (plain loops over double), CPU,\n"
     "                      GRADIENT (made of constructors) and CASE. A pointwise op: POINTWISE(...) and its\n"
     "                          GRADIENT\n"
     "  vendor/kernels.h    the fast loop; of a pointwise op a word in its list and a case; then its name in 2.5\n"
     "  gpu.cu              cube_gpu; of a pointwise op a case, and POINTWISE(cube)\n"
     "  facegan.c, 14.14    its ONNX operator. Without one `convert` to .onnx says which op it cannot write; the\n"
     "                      list in\n"
     "                      tests/test_onnx.c says what must be writable\n"
     "\n"
     "`facegan verify` then holds its kernels, under every instruction set and number of threads, against the\n"
     "definition, `facegan64 verify` its gradients of both orders, `facegan verify --gpu` the GPU's kernel.\n"
     "Tried: cube, 11 new lines and 3 changed ones in 5 files.\n"},
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
     "A format is asked in the order of the table: one that recognises more stands further down.\n"
     "Tried: a list with a first row of its own: 11 lines.\n"},
};

#endif
