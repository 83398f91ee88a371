/* documents.h: the four documents that `facegan reproduce` reproduces, as data: what each tried, in its order, with
 * which settings, and what it published; the tables in which that stands beside what was found; and what else needs no
 * network: budget, data, figures of the data. What is trained and measured is facegan.c's, 15.6. */
#ifndef FACEGAN_DOCUMENTS_H
#define FACEGAN_DOCUMENTS_H

#include "dataset.h"
#include "figures.h"
#include "importing.h"
#include "options.h"
#include "owned.h"
#include "page.h"
#include "scores.h"

/* What is measured of a trained network, and which pictures its section on the page has. */
typedef enum Kind { A_CLASSIFIER, EDITOR, NOISE_GAN, SPACE_EDITOR, AUGMENTATION, ATTRIBUTE_JUDGE, ATTRIBUTES } Kind;

typedef struct Experiment {
    const char *name, *title, *text;    /* of its run; of its section; what the document did and tells */
    const char *model, *settings;       /* "stargan", "adv=bce batch=8" */
    Kind kind;
    double share;                       /* of the time, in proportion to the others' */
    int data, joined;                   /* which of the folders given, and a further one that is joined to it, or 0;
                                           without one of them the experiment is left out */
    int shrink;                         /* divides the pictures' side, or 0 */
} Experiment;

/* A number of the document, and the fact of an experiment that stands beside it; kind '%' a share, 'n' a number.
 * Without an experiment: the title of the table that the rows below it are. */
typedef struct Published { const char *experiment, *what, *value, *fact; char kind; const char *why; } Published;

typedef struct Document {
    const char *name, *title, *cite;
    const char *takes;                  /* a model whose options the command may have, which then hold; or NULL */
    const Experiment *experiments;
    int n_experiments;
    const Published *published;
    int n_published;
    int predicts;                       /* a further folder, of pictures to predict, may be given */
    const char *cut;                    /* settings that hold while --budget is not full; or NULL */
    const char *differs;                /* as a whole */
} Document;

#define ROWS_OF(table) table, sizeof table / sizeof *table

/* ---- Emotion Detection in Images ---- */

#define OPTIMISER(word, rate)                                                                                          \
    {word, "Optimisers: " word, "The document names SGD, Adagrad, Adam and RMSprop as usual ones, takes Adam, and "    \
     "tells of \"a lot of attempts with other parameters\" without saying which. The small network, for a quarter "    \
     "of the time that the one above has.", "classifier", "network=small d-optimiser=" word " lr=" rate, A_CLASSIFIER, \
     0.5, 0, 0, 0}

static const Experiment classifier_experiments[] = {
    {"network", "The network",
     "Three emotions of FER2013, balanced to 5,000 pictures each (of the happy ones fewer are taken, of the others "
     "changed copies are added); a fifth held out. The document trained for about 75 passes, until the validation loss "
     "did not decrease any more.",
     "classifier", "", A_CLASSIFIER, 2, 0, 0, 0},
    OPTIMISER("sgd", "0.05"), OPTIMISER("adagrad", "0.01"), OPTIMISER("adam", "0.001"), OPTIMISER("rmsprop", "0.0005")
};

static const Published classifier_published[] = {
    {"network", "accuracy on training pictures", "about 80%", "training", '%',
     "the document's is of its last iteration. Ours is the mean of the last 50 lines of the log; those pictures are "
     "warped, relit and partly hidden"},
    {"network", "accuracy on a fifth of them, held out", "about 75%", "validation", '%',
     "the document's is of its last iteration, ours of the pass whose loss was lowest. Ours is split off before "
     "balancing, so that no copy of a picture stands on both sides (--as-published: after it, as in the document)"},
    {"network", "accuracy on test pictures, \"copied from the original\" set", "about 78%", "accuracy", '%',
     "all of the data's validation and test parts"},
    {"network", "how many they are", "3,979", "pictures", 'n',
     "FER2013's PublicTest and PrivateTest have as many of these emotions; what is left of them here, if less"},
    {"network", "the validation part (PublicTest) alone", "", "accuracy.validation", '%',
     "the document does not tell it"},
    {"network", "the test part (PrivateTest) alone", "", "accuracy.test", '%', "the document does not tell it"},
    {"network", "passes until it stopped", "about 75", "passes", 'n',
     "the small network's rate falls along a cosine, to its end"},
    {"sgd", "SGD, test pictures", "", "accuracy", '%',
     "the document says only that other attempts \"yielded unsatisfying results\""},
    {"adagrad", "Adagrad, test pictures", "", "accuracy", '%', "the same"},
    {"adam", "Adam, test pictures", "", "accuracy", '%', "the same"},
    {"rmsprop", "RMSprop, test pictures", "", "accuracy", '%', "the same"},
};

/* ---- Ceovic et al.: GANs for Generating Different Face Expressions ---- */

#define FOUR "size=48 channels=1 classes=angry,happy,sad,surprise "
#define CEOVIC FOUR "batch=8 epochs=400 "

static const Experiment stargan_experiments[] = {
    {"judge", "The judge", "A classifier that says which emotion an edit shows; the document judged by eye.",
     "classifier", "network=small " FOUR, A_CLASSIFIER, 0.3, 0, 0, 0},
    {"log-loss", "The document's loss",
     "Equation 1: the log loss, in the usual form in which G maximises log D(G(x,c)); --adv bce-saturating is the one "
     "printed. Labels are shuffled and the rate falls in the second half, as in StarGAN. After 100 of its 400 epochs "
     "the document saw \"only slight changes which are prevalent in the mouth area\", and visible lines around it "
     "\"which remind of moustache\"; by the 400th \"modifications are more obvious and the desired emotions more "
     "easily recognizable\", in eyebrows and eyes, too.",
     "stargan", CEOVIC "adv=bce", EDITOR, 2, 0, 0, 0},
    {"wgan-gp", "StarGAN's own loss",
     "The document says that its solution is StarGAN's, and prints the log loss all the same; StarGAN's paper and code "
     "have the Wasserstein loss with a gradient penalty.",
     "stargan", CEOVIC "adv=wgan-gp", EDITOR, 2, 0, 0, 0},
    {"no-class-loss", "lambda_cls = 0", "The document expects that G then returns its input.",
     "stargan", CEOVIC "adv=wgan-gp lambda-cls=0", EDITOR, 1, 0, 0, 0},
    {"different", "c different from c'",
     "The document asks for it below equation 4; a shuffle of the labels, StarGAN's way, allows c = c'.",
     "stargan", CEOVIC "adv=wgan-gp targets=different", EDITOR, 1, 0, 0, 0},
    {"attributes-judge", "The attributes' judge", "A classifier that says which attributes a picture shows.",
     "classifier", "network=small size=48 channels=3 attributes=all validation=0.1", ATTRIBUTE_JUDGE, 0.3, 1, 0, 0},
    {"attributes", "Other attributes",
     "StarGAN \"is able not only to synthesize novel expressions, but also to change other attributes of the face\", "
     "which the document tells of StarGAN and does not show.",
     "stargan", "size=48 channels=3 batch=8 attributes=all", ATTRIBUTES, 1, 1, 0, 0},
};

#define SEEN_BY_EYE "the document shows pictures only"

static const Published stargan_published[] = {
    {"judge", "angry pictures to learn from", "3,395", "count.angry", 'n',
     "FER2013's training part has 3,995, and the other three counts are its: probably a misprint"},
    {"judge", "happy", "7,215", "count.happy", 'n', ""},
    {"judge", "sad", "4,830", "count.sad", 'n', ""},
    {"judge", "surprise", "3,171", "count.surprise", 'n', ""},
    {"judge", "the judge on real pictures", "", "accuracy", '%', "the document has no judge"},
    {"log-loss", "log loss: edits that show what was asked for", "", "accuracy.edited", '%', SEEN_BY_EYE},
    {"wgan-gp", "WGAN-GP: the same", "", "accuracy.edited", '%', SEEN_BY_EYE},
    {"no-class-loss", "lambda_cls 0: the same", "", "accuracy.edited", '%', "one in four, if G returns its input"},
    {"different", "c != c': the same", "", "accuracy.edited", '%', SEEN_BY_EYE},
    {"log-loss", "log loss: how far an edit moves pixels (of 2)", "", "moved", 'n', SEEN_BY_EYE},
    {"wgan-gp", "WGAN-GP: the same", "", "moved", 'n', SEEN_BY_EYE},
    {"no-class-loss", "lambda_cls 0: the same", "the input, probably", "moved", 'n', "a guess, not a result"},
    {"different", "c != c': the same", "", "moved", 'n', SEEN_BY_EYE},
    {"wgan-gp", "there and back (of 2)", "", "cycle.l1", 'n', SEEN_BY_EYE},
    {"attributes", "attributes, each turned round: the mean of the table below", "", "turned", '%',
     "not shown; of a list of attributes that is given behind the data"},
};

/* ---- Kolbenschlag: Emotional face generation with adversarial networks ---- */

#define KOLBENSCHLAG "size=64 channels=3 epochs=100 "

/* A conditional GAN of today for few pictures. */
#define DOCUMENTS_STYLES                                                                                               \
    "body=style adv=bce reg=r1 lambda-gp=0.3 penalty-share=0.25 wrong-labels=0 targets=permute lr=0.0004 d-lr=0.0008 " \
    "beta1=0 beta2=0.99 average=0.995 diffaugment=brightness,contrast,translation"

#define FACES_AND_CLASSES NOISE_GAN, 1, 0, 0, 0
#define TRIED(run, title, model, settings)                                                                             \
    {run, "Tried: " title, "\"Tune hyperparameter and vary model architecture (find combination that doesn't "         \
     "collapse)\", the first of its future works.", model, KOLBENSCHLAG settings, NOISE_GAN, 0.4, 0, 0, 0}
#define AUGMENTED(run, title, text, by)                                                                                \
    {run, title, text " Twenty real pictures a class (at most half of the smallest), three seeds; each time a "        \
     "classifier learns from these, another from these and the drawn ones, in as many steps.", by,                     \
     "drawn-by=" by " count=20 repeat=3 size=48 channels=3 width=16 iters=4000 epochs=10", AUGMENTATION, 2, 0, 0, 0}

static const Experiment noise_experiments[] = {
    {"judge", "The judge", "A classifier that says which class a sample shows; the document judged by eye.",
     "classifier", "network=small size=64 channels=3 balance=oversample validation=0.1", A_CLASSIFIER, 0.6, 0, 0, 0},
    {"gan", "Faces without labels",
     "A plain GAN on about 3,000 pictures of about 200 people, shown after 10, 50 and 100 epochs.",
     "gan", KOLBENSCHLAG "as-published=1", FACES_AND_CLASSES},
    {"cgan", "Faces with an emotion", "A conditional GAN: G and D are given the label; D answers \"real with the "
     "correct emotion or fake or with the wrong emotion\".", "cgan", KOLBENSCHLAG, FACES_AND_CLASSES},
    {"wgan", "The Wasserstein loss", "Taken against mode collapse.",
     "wgan", KOLBENSCHLAG "conditional=1", FACES_AND_CLASSES},
    {"weather", "Another kind of picture",
     "Landscapes by their weather, \"to rule out that a fundamental error in the model architecture causes the "
     "trouble\": although most look similar, \"this experiment proved that the model could generate images without "
     "collapsing every time\". Which loss it had is not told.",
     "wgan", KOLBENSCHLAG "conditional=1", NOISE_GAN, 1, 1, 0, 0},
    {"wacgan", "A critic with two losses",
     "Wasserstein for authenticity, classes for the emotion: the model began to sometimes draw different faces. "
     "\"Although the generated images are not really usable, the results show the feasibility of generating human "
     "faces expressing emotions.\"", "wacgan", KOLBENSCHLAG, FACES_AND_CLASSES},
    {"wacgan-code", "The same, in the author's public code", "Which the document does not mention, as far as it is "
     "known, at 32 px in batches of 16.",
     "wacgan", KOLBENSCHLAG "recipe=kolbenschlag size=32 batch=16", FACES_AND_CLASSES},
    TRIED("tried-rate", "two losses, a quarter of the learning rate", "wacgan", "lr=0.00005"),
    TRIED("tried-critic", "two losses, one step of the critic for each of G's", "wacgan", "n-critic=1"),
    TRIED("tried-narrow", "two losses, half the channels", "wacgan", "width=8"),
    TRIED("tried-augmented", "two losses, D sees pictures changed by chance", "wacgan", "diffaugment=all"),
    TRIED("tried-styles", "log loss, R1, residual blocks with the class in their norms, pictures changed by chance",
          "cgan", "width=16 " DOCUMENTS_STYLES),
    AUGMENTED("augment-noise", "Augmentation with samples from noise", "\"A classifier could be trained on the real "
              "data and then on both real data and synthesized samples\", the second of its future works.", "cgan"),
    AUGMENTED("augment-edits", "Augmentation with edits", "The same with a StarGAN's edits of the real pictures.",
              "stargan"),
};

#define VARIED "1: as varied as the data, 0: one picture; the document judged by eye"
#define ASKED "the judge's word on samples"
#define RANKED(run, what) {run, what ": samples that show the class asked for", "", "accuracy.drawn", '%', ASKED},     \
    {run, what ": varied within a class", "", "diversity.within", 'n', VARIED}
#define WHETHER_IT_HELPS(run, what)                                                                                    \
    {run, what ": accuracy of real pictures alone", "", "accuracy.real", '%', "not done in the document"},             \
    {run, what ": and with drawn ones", "", "accuracy.mixed", '%', "the same pictures, steps and initial weights"},    \
    {run, what ": p of the difference", "", "p", 'n', "Student's paired test over the seeds: how often chance alone " \
     "makes a difference as large. Three seeds are few"}

static const Published noise_published[] = {
    {NULL, "What the document tried", NULL, NULL, 0, NULL},
    {"judge", "the judge on a tenth of the real pictures, held out", "", "validation", '%', "the document has no "
     "judge"},
    {"gan", "GAN: diversity of the samples", "", "pixels", 'n', VARIED},
    {"cgan", "conditional GAN", "collapsed, as it seems", "pixels", 'n', "ours has R1 and wrong labels shown to D"},
    {"cgan", "conditional GAN: the class asked for", "", "accuracy.drawn", '%', ASKED},
    {"wgan", "Wasserstein", "collapse, as it seems", "pixels", 'n', VARIED},
    {"wgan", "Wasserstein: the class asked for", "", "accuracy.drawn", '%', ASKED},
    {"weather", "weather pictures", "most look similar", "pixels", 'n', VARIED},
    {"wacgan", "two losses", "sometimes different", "pixels", 'n', VARIED},
    {"wacgan", "two losses: the class asked for", "", "accuracy.drawn", '%', ASKED},
    {"wacgan-code", "the author's public code", "", "pixels", 'n',
     "that code's target for the fakes' class is an unrelated label, its critic has no strides, its optimiser starts "
     "anew every batch"},
    {NULL, "Its future work: find a combination that does not collapse", NULL, NULL, 0, NULL},
    RANKED("tried-rate", "lower rate"), RANKED("tried-critic", "fewer steps of the critic"),
    RANKED("tried-narrow", "fewer channels"), RANKED("tried-augmented", "pictures changed by chance"),
    RANKED("tried-styles", "today's network and loss"),
    {NULL, "Its future work: does augmentation help a classifier?", NULL, NULL, 0, NULL},
    WHETHER_IT_HELPS("augment-noise", "samples from noise"), WHETHER_IT_HELPS("augment-edits", "a StarGAN's edits"),
};

/* ---- Surani: GANmut, Generating and Modifying Facial Expressions ---- */

/* The document does not tell how long it trained; the public code's run, which it follows, has 2,000,000 iterations. */
#define SURANI "size=128 channels=3 batch=16 iters=2000000"
#define SURANI_JUDGE                                                                                                   \
    "The document fine-tunes VGG and ResNet50 from ImageNet weights on AffectNet, balanced. Ours learn from nothing, " \
    "from AffectNet's pictures that RetinaFace cut out, or, without them, from the last folder given."

#define SMALLER(run, side, by)                                                                                         \
    {run, "Another resolution: " side, "The document's abstract names image resolutions among what it compares, and "  \
     "tells no numbers of it: the first experiment at " side ".", "ganmut", SURANI, SPACE_EDITOR, 0.4, 0, 0, by}

static const Experiment ganmut_experiments[] = {
    {"vgg", "The first judge: VGG's place", SURANI_JUDGE " This one is a small network of 3x3 convolutions.",
     "classifier", "network=small balance=oversample", A_CLASSIFIER, 0.4, 2, 0, 0},
    {"resnet", "The second judge: ResNet's place", SURANI_JUDGE " This one is ResNet-18, at 64 px.",
     "classifier", "network=resnet18 size=64 unfreeze=all lr=0.001 balance=oversample", A_CLASSIFIER, 0.4, 2, 0, 0},
    {"affwild-retinaface", "Aff-Wild2, faces by RetinaFace", "The document's first experiment: one of two data sets, "
     "one of two detectors.", "ganmut", SURANI, SPACE_EDITOR, 1, 0, 0, 0},
    {"affwild-mtcnn", "Aff-Wild2, faces by MTCNN", "Surani: \"difficulties in fully learning all emotions\" on "
     "Aff-Wild2 alone.", "ganmut", SURANI, SPACE_EDITOR, 1, 1, 0, 0},
    {"combined-retinaface", "Combined, faces by RetinaFace", "Aff-Wild2 and AffectNet's small version together, about "
     "270,000 pictures: \"visually superior results, capturing all seven target emotions\".",
     "ganmut", SURANI, SPACE_EDITOR, 1, 0, 2, 0},
    {"combined-mtcnn", "Combined, faces by MTCNN", "The same with the other detector.",
     "ganmut", SURANI, SPACE_EDITOR, 1, 1, 3, 0},
    SMALLER("half-size", "half the side", 2), SMALLER("quarter-size", "a quarter of the side", 4),
};

#define BY_BOTH(run, what, fact, vgg, resnet, why)                                                                     \
    {run, what ", VGGNet", vgg, "vgg." fact, 'n', why}, {run, what ", ResNet", resnet, "resnet." fact, 'n', why}
#define ORIGINAL                                                                                                       \
    "the original run's weights are not ours to ship; `facegan study ganmut` measures them for those who have them"
#define OTHER_JUDGE "another judge gives other numbers: compare rows of one judge. Ours edits Aff-Wild2's faces"
#define F1_TABLE(run, vr, rr, vc, rc, va, ra, vo, ro)                                                                 \
    BY_BOTH("affwild-" run, "Real", "f1.real", vr, rr, OTHER_JUDGE),                                                   \
    BY_BOTH("combined-" run, "Combined", "f1.edited", vc, rc, OTHER_JUDGE),                                            \
    BY_BOTH("affwild-" run, "Aff-Wild2", "f1.edited", va, ra, OTHER_JUDGE),                                            \
    BY_BOTH("original", "GANmut Original", "f1.edited", vo, ro, ORIGINAL)
#define SIX_ROWS(fact, v1, r1, v2, r2, v3, r3, v4, r4, v5, r5, v6, r6, why)                                            \
    BY_BOTH("affwild-retinaface", "Aff-Wild2 RetinaFace", fact, v1, r1, why),                                          \
    BY_BOTH("affwild-mtcnn", "Aff-Wild2 MTCNN", fact, v2, r2, why),                                                    \
    BY_BOTH("combined-retinaface", "Combined RetinaFace", fact, v3, r3, why),                                          \
    BY_BOTH("combined-mtcnn", "Combined MTCNN", fact, v4, r4, why),                                                    \
    BY_BOTH("original", "GANmut RetinaFace", fact, v5, r5, ORIGINAL),                                                  \
    BY_BOTH("original", "GANmut MTCNN", fact, v6, r6, ORIGINAL)
#define DISCRIMINATOR(run, what, average, real, fake)                                                                  \
    {run, what ", average", average, "discriminator.f1.average", 'n', "ours is the mean of the two below; the "        \
     "document's 0.26 is less than either of its two"},                                                                \
    {run, what ", real", real, "discriminator.f1.real", 'n', "the threshold is not told: ours is the midpoint of two " \
     "means"},                                                                                                         \
    {run, what ", fake", fake, "discriminator.f1.fake", 'n', "the same"}
#define ITS_ENDS "the same curves, over what lies between the weakest and the strongest, the text's definition"

static const Published ganmut_published[] = {
    {NULL, "V.D  AffectNet: pictures in which RetinaFace finds a face", NULL, NULL, 0, NULL},
    {"combined-retinaface", "\"a high threshold\"", "16%", "", '%', "the document lowered it by way of 0.4"},
    {"combined-retinaface", "threshold 0.1", "50%", "faces", '%',
     "as `data import --threshold` was told when the third folder was made"},
    {NULL, "V.D and VII  The pictures of both sets together", NULL, NULL, 0, NULL},
    {"combined-retinaface", "faces by RetinaFace", "about 270,000", "pictures", 'n', ""},
    {"combined-mtcnn", "faces by MTCNN", "", "pictures", 'n', ""},
    {NULL, "Table I  Average F1 using RetinaFace (higher is better)", NULL, NULL, 0, NULL},
    F1_TABLE("retinaface", "0.28", "0.47", "0.32", "0.44", "0.18", "0.18", "0.26", "0.33"),
    {NULL, "Table II  Average F1 using MTCNN (higher is better)", NULL, NULL, 0, NULL},
    F1_TABLE("mtcnn", "0.34", "0.50", "0.44", "0.58", "0.22", "0.27", "0.38", "0.48"),
    {NULL, "Table III  Frechet Emotion Distance (lower is better)", NULL, NULL, 0, NULL},
    SIX_ROWS("fed", "35.96", "8.0", "106.9", "18.7", "31.34", "6.5", "24.23", "9.9", "27.74", "6.6", "26.50", "11.08",
             "it grows with the number and size of a judge's features; of two layers the document does not tell which "
             "it took: ours is the last convolution's mean"),
    {NULL, "Table IV  Smoothness (lower is better)", NULL, NULL, 0, NULL},
    SIX_ROWS("smoothness", "0.726", "0.124", "0.165", "0.643", "0.335", "0.45", "0.376", "0.382", "0.427", "0.38",
             "0.054", "0.36", "largest step upwards over largest less smallest; 0.11 is the least of a rising curve: "
             "the document's 0.054 is of one that falls or of another definition"),
    BY_BOTH("affwild-retinaface", "Aff-Wild2 RetinaFace, first to last", "smoothness.ends", "", "", ITS_ENDS),
    BY_BOTH("affwild-retinaface", "Aff-Wild2 RetinaFace, curves that never fall", "smoothness.rising", "", "",
            "not told; a curve that falls can score low"),
    {NULL, "Table V  Discriminator F1 (lower is better)", NULL, NULL, 0, NULL},
    DISCRIMINATOR("affwild-retinaface", "Aff-Wild2 RetinaFace", "0.26", "0.28", "0.37"),
    DISCRIMINATOR("affwild-mtcnn", "Aff-Wild2 MTCNN", "0.44", "0.35", "0.55"),
    DISCRIMINATOR("combined-retinaface", "Combination RetinaFace", "0.14", "0.32", "0.09"),
    DISCRIMINATOR("combined-mtcnn", "Combination MTCNN", "0.14", "0.32", "0.09"),
    {NULL, "Another resolution", NULL, NULL, 0, NULL},
    BY_BOTH("half-size", "Aff-Wild2 RetinaFace at half the side: F1", "f1.edited", "", "", "not told"),
    BY_BOTH("quarter-size", "at a quarter of the side: F1", "f1.edited", "", "", "not told"),
};

static const Document documents[] = {
    {"classifier", "Emotion Detection in Images",
     "joy, anger and sadness of FER2013, balanced to 5,000 pictures each", "classifier",
     ROWS_OF(classifier_experiments), ROWS_OF(classifier_published), 1, NULL,
     "The document fine-tunes the last block of VGG19 from ImageNet weights, with two layers of 128 behind it, by Adam "
     "at a rate of 1e-5; the weights are not ours to ship: --network vgg19 --init FILE --as-published comes nearest. "
     "small learns from nothing, at 48 px instead of 224, and in full is trained for its own usual number of passes. "
     "The document tells no dropout rate, L2 strength, batch size or patience. Its VGG19 of 13 convolutions and 5 "
     "dense layers is a slip: there are 16 and 3. \"Manual testing with random images from the internet proved to work "
     "reasonably well for images that are also clear to identify for a human\": photographs given behind the data are "
     "predicted below."},
    {"stargan", "GANs for Generating Different Face Expressions",
     "Ceovic et al., StarGAN on four classes of FER2013", NULL,
     ROWS_OF(stargan_experiments), ROWS_OF(stargan_published), 0, "width=16 d-width=32",
     "The document trained for 400 epochs, about a day of one Tesla T4, which is what its four networks have here in "
     "full; the judge and the attributes, which it does not have, are trained for a usual time."},
    {"noise", "Emotional face generation with adversarial networks",
     "N. Kolbenschlag (in the document also Kolbenschlager), Universitaet Augsburg, 2020", NULL,
     ROWS_OF(noise_experiments), ROWS_OF(noise_published), 0, NULL,
     "The document's faces are Aff-Wild2's, about 3,000 pictures of about 200 people, which are given to researchers "
     "only: any labelled faces stand in for them. It tells the plain GAN's epochs alone, which all networks have here "
     "in full, and no size, batch, rate, optimiser or layers: 64 px and the rest are the author's public code's and "
     "facegan's."},
    {"ganmut", "GANmut: Generating and Modifying Facial Expressions", "M. Surani, arXiv 2406.11079, 2024", NULL,
     ROWS_OF(ganmut_experiments), ROWS_OF(ganmut_published), 0, "size=48 width=16 d-width=32",
     "Aff-Wild2 and AffectNet are given to researchers only: the folders given stand in for them, in the order "
     "Aff-Wild2 by RetinaFace, Aff-Wild2 by MTCNN, AffectNet by RetinaFace, AffectNet by MTCNN, as `facegan data "
     "import ... --detector` leaves them; experiments whose folder is not given are left out. The document prints its "
     "equation 8 with the gradient penalty's sign reversed (D would be paid for steep slopes); ours is added, as in "
     "the public code. It does not tell how long it trained: in full is the public code's 2,000,000 iterations. It "
     "calls the combined set better for its \"higher FED scores and Smoothness Scores\", which its own tables III and "
     "IV call worse, and RetinaFace better in FED, where VGGNet finds the contrary for the combined set. Figures 1 to "
     "3 and 5 are others', and of the architecture."},
};

/* There is one of that name: the command's words are among theirs. */
static const Document *find_document(const char *name)
{
    const Document *d = documents;
    while (strcmp(d->name, name)) d++;
    return d;
}

/* How many folders it takes. */
static int folders_of(const Document *d)
{
    int most = 0;
    for (const Experiment *x = d->experiments; x < d->experiments + d->n_experiments; x++) {
        int last = x->data > x->joined ? x->data : x->joined;
        if (last > most) most = last;
    }
    return most + 1 + d->predicts;
}

/* ---- a reproduction's budget, data and log ---- */

/* Seconds; INFINITY: everything in full. */
static double parse_budget(const char *text)
{
    double seconds = strcmp(text, "full") == 0 ? INFINITY : progress_time(text);
    if (isnan(seconds)) give_up(2, "--budget %s: must be a time such as 2h or 30m, or full", text);
    return seconds;
}

/* How the number of iterations came about: `cut` of n networks do fewer than in full; width: the generators', as the
 * command says, or 0. */
static const char *budget_words(const Document *d, const char *budget, int cut, int n, long width)
{
    const char *cuts = d->cut && isfinite(parse_budget(budget)) ? d->cut : NULL;
    const char *smaller = cuts ? own_text(" They are made smaller, too (`%s`).", cuts) : "";
    if (!d->takes && width) smaller = own_text("%s Generators: `--width %ld`.", smaller, width);
    if (!cut) return own_text("Budget %s: every network is trained in full.%s", budget, smaller);
    return own_text("Budget %s: %d of %d networks are trained for less than in full, as the plan below tells; "
                    "`--budget full` does all of it.%s", budget, cut, n, smaller);
}

/* Two sets as one: OUT/<name>.csv, a list of the pictures of both. */
static const char *join_sets(const char *first, const char *second, const char *out, const char *name)
{
    const char *path = own_text("%s/%s.csv", out, name);
    DataSet sets[2];
    make_folder(out);
    dataset_open(&sets[0], first, &(DataOptions){.split = SPLIT_ALL});
    dataset_open(&sets[1], second, &(DataOptions){.split = SPLIT_ALL});
    dataset_join((DataSet *[]){&sets[0], &sets[1]}, 2, path);
    return path;
}

/* As many real pictures of a class as a study learns from: of the smallest class half. */
static long augmented_count(const char *data, long count)
{
    DataSet set;
    dataset_open(&set, data, &(DataOptions){.split = SPLIT_TRAIN});
    for (int k = 0; k < set.n_classes; k++) {
        long half = (dataset_count(&set, k, SPLIT_TRAIN) + 1) / 2;
        if (half < count) count = half;
    }
    return count;
}

/* A classifier's accuracy on its last batches, and on what was held out where its loss was lowest. */
static void add_training_facts(Table *facts, const TableNumbers *log)
{
    const double *on_batches = table_column(log, "D.accuracy"), *held_out = table_column(log, "validation_accuracy"),
                 *loss = table_column(log, "validation_loss");
    size_t from = log->rows > 50 ? log->rows - 50 : 0;
    double training = 0, validation = NAN, lowest = INFINITY;
    for (size_t i = from; on_batches && i < log->rows; i++) training += on_batches[i] / (double)(log->rows - from);
    for (size_t i = 0; held_out && loss && i < log->rows; i++)
        if (loss[i] < lowest) lowest = loss[i], validation = held_out[i];
    add_fact(facts, "training", training), add_fact(facts, "validation", validation);
}

/* What a classifier took for what, and how right that is. */
static void add_confusion_facts(Table *facts, const StatsConfusion *f)
{
    double pictures = 0;
    for (int k = 0; k < f->n; k++) pictures += (double)stats_class(f, k).pictures;
    add_fact(facts, "accuracy", stats_accuracy(f)), add_fact(facts, "f1", stats_macro_f1(f));
    add_fact(facts, "pictures", pictures);
    for (int k = 0; k < f->n * f->n; k++)
        add_fact(facts, own_text("confusion.%d.%d", k / f->n, k % f->n), (double)f->count[k / f->n][k % f->n]);
}

/* The same as a figure. */
static PlotCanvas confusion_figure(const Table *facts, const char *const *names, int n)
{
    StatsConfusion *f = (StatsConfusion *)own(1, sizeof *f);
    const char *title = own_text("accuracy %.3f, macro F1 %.3f", fact_of(facts, "accuracy"), fact_of(facts, "f1"));
    f->n = n;
    for (int k = 0; k < n * n; k++)
        f->count[k / n][k % n] = (long)fact_of(facts, own_text("confusion.%d.%d", k / n, k % n));
    return plot_confusion(f, names, title, "is");
}

/* The share of `count` pictures whose attribute k of n the judge's p (count,n) and `label` (count,n) agree about. */
static double agreement(const double *p, const real *label, int count, size_t n, size_t k)
{
    int alike = 0;
    for (size_t i = k; i < (size_t)count * n; i += n) alike += (p[i] > 0.5) == (label[i] > 0);
    return (double)alike / count;
}

static void turn_attribute(real *label, int count, size_t n, size_t k)
{
    for (size_t i = k; i < (size_t)count * n; i += n) label[i] = 1 - label[i];
}

/* What a judge sees of each attribute turned round. */
static Table *attributes_table(const Table *facts, const char *const *names, int n)
{
    Table *t = new_table("Each attribute turned round, by the judge", n, 4);
    table_row(t, 0, "attribute\tthe judge is right on real pictures\tedits that show what was asked for\tother "
              "attributes that stay");
    for (int k = 0; k < n; k++) {
        const char *name = names[k];
        table_row(t, k + 1, "%s\t%.1f%%\t%.1f%%\t%.1f%%", name, 100 * fact_of(facts, own_text("%s.right", name)),
                  100 * fact_of(facts, own_text("%s.turned", name)), 100 * fact_of(facts, own_text("%s.kept", name)));
    }
    return t;
}

/* ---- Surani's figures of the data ---- */

/* 6: frames in which both detectors found a face, beside what they cut out; false where no `data import` tells. */
static bool detections_figure(const char *retinaface, const char *mtcnn, PlotCanvas *canvas)
{
    enum { FRAMES = 3, SIDE = 160 };
    static const char *const columns[] = {"original", "MTCNN", "RetinaFace"};
    const unsigned char *cells[FRAMES * 3];
    int n = import_compare((const char *[]){mtcnn, retinaface}, 2, FRAMES, SIDE, cells);
    if (!n) return false;
    *canvas = draw_grid(&(Grid){.cells = cells, .side = SIDE, .channels = 3, .rows = n, .columns = 3, .scale = 1,
                                .column_names = columns});
    return true;
}

/* 7: the darkest, brightest, flattest and most blurred of some faces. */
static PlotCanvas hard_conditions_figure(const char *data, const DataOptions *options, int side, int channels)
{
    static const char *const kinds[STATS_HARD] = {"dark", "bright", "little contrast", "blurred"};
    size_t pixels = (size_t)(side * side), picture = pixels * (size_t)channels;
    unsigned char *all, *found = (unsigned char *)own(STATS_HARD, picture);
    double *grey = (double *)own(pixels, sizeof *grey);
    IMAGE_REAL *x = (IMAGE_REAL *)own(picture, sizeof *x);
    StatsHardest hardest = {0};
    DataSet set;
    dataset_open(&set, data, options);
    all = (unsigned char *)own((size_t)set.count, picture);
    for (int i = 0; i < set.count; i++) {
        unsigned char *face = all + (size_t)hardest.n * picture;
        if (!dataset_read(&set, i, side, channels, face, &(Error){0})) continue;
        image_from_bytes(face, picture, x), image_grey(x, pixels, channels, grey);
        stats_harder(&hardest, grey, side);
    }
    for (size_t k = 0; k < STATS_HARD; k++)
        memcpy(found + k * picture, all + (size_t)hardest.which[k] * picture, picture);
    return draw_grid(&(Grid){.pictures = found, .side = side, .channels = channels, .rows = 1, .columns = STATS_HARD,
                             .column_names = kinds});
}

/* 8: how many pictures of each emotion a set has. */
static PlotCanvas distribution_figure(const char *data)
{
    DataSet set;
    dataset_open(&set, data, &(DataOptions){.split = SPLIT_ALL});
    double *counts = (double *)own((size_t)set.n_classes, sizeof *counts);
    const char *title = own_text("%s: %d pictures", data, set.count);
    for (int k = 0; k < set.n_classes; k++) counts[k] = dataset_count(&set, k, SPLIT_ALL);
    return draw_bars(title, "pictures", (const char *const *)set.class_names, counts, set.n_classes);
}

/* ---- what was found, beside it: `facts` has the facts of each of its experiments, NULL where it was not tried ---- */

/* The numbers of the document and ours, under the document's own titles. */
static Table *findings_of(const Document *d, Table *const *facts)
{
    static const char *const layout[] = {"  %-56s", " %18s", " %8s", "   %s"};
    Table *t = new_table(d->title, d->n_published, 4);
    t->layout = layout;
    table_row(t, 0, "what\tpublished\there\twhy they differ");
    for (int i = 0; i < d->n_published; i++) {
        const Published *p = &d->published[i];
        int k = 0;
        table_set(t, i + 1, 0, "%s", p->what);
        if (!p->experiment) continue;
        while (k < d->n_experiments && strcmp(d->experiments[k].name, p->experiment)) k++;
        bool known = k < d->n_experiments;
        double value = known && facts[k] ? fact_of(facts[k], p->fact) : NAN;
        table_set(t, i + 1, 1, "%s", p->value);
        table_set(t, i + 1, 3, "%s", known && !facts[k] ? "left out: its data was not given" : p->why);
        if (!isfinite(value)) table_set(t, i + 1, 2, "-");
        else if (p->kind == '%') table_set(t, i + 1, 2, "%.1f%%", 100 * value);
        else table_set(t, i + 1, 2, value == floor(value) ? "%.0f" : "%.4g", value);
    }
    return t;
}

/* The findings as one table on the page, or as one under each title. */
static void show_findings(Page *page, const Document *d, const Table *t)
{
    const char *const *cells = (const char *const *)t->cells;
    for (int from = 0, next; from < d->n_published; from = next) {
        bool titled = !d->published[from].experiment;
        for (next = from + 1; next < d->n_published && d->published[next].experiment;) next++;
        page_heading(page, titled ? d->published[from].what : "Published and here");
        page_table(page, cells, 4, cells + 4 * (from + titled + 1), next - from - titled);
    }
}

/* How good a G from noise is whose samples were judged: as varied within a class as the data at most, times the share
 * that shows what was asked for. */
static double merit_of(const Table *facts)
{
    return facts ? fmin(1, fact_of(facts, "diversity.within")) * fact_of(facts, "accuracy.drawn") : NAN;
}

/* What was tried, the best first; NULL where nothing was judged so. */
static Table *ranking_of(const Document *d, Table *const *facts)
{
    int *ranked = (int *)own((size_t)d->n_experiments, sizeof *ranked), n = 0, at;
    for (int i = 0; i < d->n_experiments; i++) {
        if (!isfinite(merit_of(facts[i]))) continue;
        double m = merit_of(facts[i]);
        for (at = n++; at > 0 && merit_of(facts[ranked[at - 1]]) < m; at--) ranked[at] = ranked[at - 1];
        ranked[at] = i;
    }
    if (!n) return NULL;
    Table *t = new_table("The settings, ranked", n, 5);
    table_row(t, 0, "settings\tvaried within a class (1: as the data)\tshow the class asked for\tboth\tFED");
    for (int i = 0; i < n; i++) {
        const Table *f = facts[ranked[i]];
        table_row(t, i + 1, "%s\t%.2f\t%.1f%%\t%.2f\t%.3f", d->experiments[ranked[i]].title,
                  fact_of(f, "diversity.within"), 100 * fact_of(f, "accuracy.drawn"), merit_of(f), fact_of(f, "fed"));
    }
    return t;
}

/* ---- Surani's tables of whatever runs a plan file names (`facegan study ganmut`) ---- */

enum { JUDGES_MOST = 8, ROWS_MOST = 24, RUNS_MOST = 16, PLAN_WORDS = 64 };

/* The numbers of an evaluation that Surani's tables show: I and II, III, IV, V. */
static const char *const surani_numbers[] = {"f1.real", "f1.edited", "fed", "smoothness", "smoothness.rising",
    "discriminator.f1.average", "discriminator.f1.real", "discriminator.f1.fake"};
enum { SURANI_NUMBERS = sizeof surani_numbers / sizeof *surani_numbers };

typedef struct Plan {
    const char *path, *data, *judge_names[JUDGES_MOST], *judges[JUDGES_MOST], *row_names[ROWS_MOST];
    const char *runs[ROWS_MOST][RUNS_MOST];
    int n_judges, n_rows, n_runs[ROWS_MOST];
    double scores[ROWS_MOST][JUDGES_MOST][SURANI_NUMBERS][RUNS_MOST];
} Plan;

static void plan_line(Plan *p, char **words, int n, int number, void (*carry_out)(int n, char **words))
{
    if (strcmp(words[0], "do") == 0 && n >= 2) carry_out(n - 1, words + 1);
    else if (strcmp(words[0], "data") == 0 && n == 2) p->data = words[1];
    else if (strcmp(words[0], "classifier") == 0 && n == 3 && p->n_judges < JUDGES_MOST)
        p->judge_names[p->n_judges] = words[1], p->judges[p->n_judges++] = words[2];
    else if (strcmp(words[0], "row") == 0 && n >= 3 && n - 2 <= RUNS_MOST && p->n_rows < ROWS_MOST) {
        p->row_names[p->n_rows] = words[1];
        for (int i = 2; i < n; i++) p->runs[p->n_rows][p->n_runs[p->n_rows]++] = words[i];
        p->n_rows++;
    } else
        give_up(2, "%s:%d: expected do COMMAND, data PATH, classifier NAME RUN, or row NAME RUN... (at most %d "
                "classifiers, %d rows, %d runs a row)", p->path, number, JUDGES_MOST, ROWS_MOST, RUNS_MOST);
}

/* Reads it, and has every `do` line's words carried out on the way. */
static Plan *read_plan(const char *path, void (*carry_out)(int n, char **words))
{
    Plan *p = (Plan *)own(1, sizeof *p);
    size_t size;
    int number = 0, n;
    char *words[PLAN_WORDS], *at = read_file(path, 1 << 16, &size);
    p->path = path;
    while ((n = options_next(&at, &number, words, PLAN_WORDS))) plan_line(p, words, n, number, carry_out);
    if (!p->data || !p->n_judges || !p->n_rows) give_up(2, "%s: needs a data line, a classifier and a row", path);
    return p;
}

/* Rows of the plan, a column for each judge, one number: mean and deviation over a row's runs. */
static Table *judged_table(const Plan *p, int number)
{
    static const char *const titles[] = {"I, II  Macro F1 of the real pictures",
        "I, II  Macro F1 of the edits (higher: clearer emotions)",
        "III  Frechet Emotion Distance (lower: closer to the real features)",
        "IV  Smoothness (lower: more gradual, if the curves rise)", "IV  Share of curves that never fall"};
    Table *t = new_table(titles[number], p->n_rows, p->n_judges + 1);
    for (int j = 0; j < p->n_judges; j++) table_set(t, 0, j + 1, "%s", p->judge_names[j]);
    for (int r = 0; r < p->n_rows; r++) {
        table_set(t, r + 1, 0, "%s", p->row_names[r]);
        for (int j = 0; j < p->n_judges; j++)
            table_set(t, r + 1, j + 1, "%s", spread_text(p->scores[r][j][number], p->n_runs[r]));
    }
    return t;
}

/* Table V: the kinds of discriminator F1, which no classifier has a part in. */
static Table *discriminator_table(const Plan *p)
{
    static const char *const names[] = {"average", "real", "fake"};
    Table *t = new_table("V  Discriminator F1: fakes are the positives, the threshold is the midpoint of two means; "
                         "low: D does not tell", 3, p->n_rows + 1);
    for (int i = 0; i < 3 * p->n_rows; i++) {
        int k = i / p->n_rows, r = i % p->n_rows;
        table_set(t, 0, r + 1, "%s", p->row_names[r]), table_set(t, k + 1, 0, "%s", names[k]);
        table_set(t, k + 1, r + 1, "%s", spread_text(p->scores[r][0][5 + k], p->n_runs[r]));
    }
    return t;
}

enum { SURANI_TABLES = 6 };
static Table *surani_table(const Plan *p, int k) { return k < 5 ? judged_table(p, k) : discriminator_table(p); }

#endif
