/* Tests of vendor/image.h: known answers, files built by hand, round trips, damage, and full disks.
 *
 * The known answers below were made with libjpeg's cjpeg and ImageMagick's convert (the command stands above each) from
 * two drawings of 20 x 15 pixels that are formulas: g.ppm is drawing_rgb and g.pgm drawing_grey. */
#define IMAGE_IMPLEMENTATION
#include "../vendor/image.h"
#include "check.h"
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 20, HEIGHT = 15 };

static int drawing_grey(int x, int y) { return 15 + 7 * x + 6 * y; }
static int drawing_rgb(int x, int y, int c)
{
    return c == 0 ? 20 + 10 * x : c == 1 ? 20 + 14 * y : 200 - 5 * x - 4 * y;
}

/* cjpeg -quality 95 -optimize g.pgm */
static const unsigned char jpeg_grey[] = {
    255,216,255,224,0,16,74,70,73,70,0,1,1,0,0,1,0,1,0,0,255,219,0,67,0,2,1,1,
    1,1,1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,
    5,6,6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,
    12,9,10,10,10,255,192,0,11,8,0,15,0,20,1,1,17,0,255,196,0,21,0,1,1,0,0,0,
    0,0,0,0,0,0,0,0,0,0,0,8,9,255,196,0,39,16,0,0,2,8,5,5,0,0,0,0,
    0,0,0,0,0,0,0,7,1,2,3,4,8,35,36,65,6,21,51,66,81,37,97,113,145,162,255,218,
    0,8,1,1,0,0,63,0,158,48,254,73,104,82,113,180,56,33,252,146,208,164,227,104,94,224,194,75,
    160,49,164,249,240,3,240,254,77,59,200,150,165,174,128,224,135,242,105,222,68,181,45,116,5,238,12,38,
    157,242,6,50,212,246,142,195,255,217,
};
/* cjpeg -quality 95 -optimize -sample 1x1 g.ppm */
static const unsigned char jpeg_444[] = {
    255,216,255,224,0,16,74,70,73,70,0,1,1,0,0,1,0,1,0,0,255,219,0,67,0,2,1,1,
    1,1,1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,
    5,6,6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,
    12,9,10,10,10,255,219,0,67,1,2,2,2,2,2,2,5,3,3,5,10,7,6,7,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,255,192,0,17,8,0,15,0,20,3,
    1,17,0,2,17,1,3,17,1,255,196,0,21,0,1,1,0,0,0,0,0,0,0,0,0,0,0,0,
    0,0,7,8,255,196,0,35,16,0,0,3,7,5,1,0,0,0,0,0,0,0,0,0,0,0,1,8,
    2,4,5,6,35,145,162,3,20,34,36,50,17,255,196,0,23,1,1,1,1,1,0,0,0,0,0,0,
    0,0,0,0,0,0,8,6,7,9,255,196,0,31,17,0,1,3,3,5,0,0,0,0,0,0,0,0,
    0,0,0,6,0,1,34,3,33,50,2,4,5,20,36,255,218,0,12,3,1,0,2,17,3,17,0,63,
    0,140,37,52,227,231,161,136,104,19,30,229,53,6,28,101,140,146,108,166,156,188,244,49,7,146,99,220,
    166,149,161,198,120,201,32,195,83,137,109,25,251,15,196,97,219,243,207,75,201,36,184,179,63,30,153,38,
    105,77,62,58,241,163,167,114,20,196,199,21,101,119,92,17,14,47,169,27,186,78,148,211,227,175,26,58,
    119,32,121,38,56,169,43,186,86,135,23,212,141,221,32,195,83,235,174,209,154,76,92,134,31,191,55,171,
    217,123,186,73,241,101,213,58,122,110,235,255,217,
};
/* cjpeg -quality 95 -optimize -sample 2x1 g.ppm */
static const unsigned char jpeg_422[] = {
    255,216,255,224,0,16,74,70,73,70,0,1,1,0,0,1,0,1,0,0,255,219,0,67,0,2,1,1,
    1,1,1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,
    5,6,6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,
    12,9,10,10,10,255,219,0,67,1,2,2,2,2,2,2,5,3,3,5,10,7,6,7,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,255,192,0,17,8,0,15,0,20,3,
    1,33,0,2,17,1,3,17,1,255,196,0,22,0,1,1,1,0,0,0,0,0,0,0,0,0,0,0,
    0,0,7,0,8,255,196,0,35,16,0,0,3,7,5,1,0,0,0,0,0,0,0,0,0,0,0,1,
    8,2,4,5,6,35,145,162,3,20,34,36,50,17,255,196,0,22,1,1,1,1,0,0,0,0,0,0,
    0,0,0,0,0,0,0,8,5,9,255,196,0,37,17,0,0,3,7,3,5,0,0,0,0,0,0,0,
    0,0,0,0,1,6,2,3,4,7,33,34,65,19,35,49,20,36,50,51,81,255,218,0,12,3,1,0,
    2,17,3,17,0,63,0,198,18,154,113,243,208,196,38,202,105,203,207,67,16,141,153,139,223,59,197,169,
    56,178,245,221,240,32,195,83,137,109,25,251,15,196,64,139,16,188,223,106,236,152,120,194,44,251,86,46,
    193,6,105,77,62,58,241,163,167,114,9,210,154,124,117,227,71,78,228,36,76,197,195,203,234,99,24,36,
    226,189,230,221,79,1,6,26,159,93,118,140,210,98,228,32,69,137,91,189,215,106,167,201,135,140,34,185,
    231,74,197,79,130,31,255,217,
};
/* cjpeg -quality 95 -optimize -sample 2x2 g.ppm */
static const unsigned char jpeg_420[] = {
    255,216,255,224,0,16,74,70,73,70,0,1,1,0,0,1,0,1,0,0,255,219,0,67,0,2,1,1,
    1,1,1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,
    5,6,6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,
    12,9,10,10,10,255,219,0,67,1,2,2,2,2,2,2,5,3,3,5,10,7,6,7,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,255,192,0,17,8,0,15,0,20,3,
    1,34,0,2,17,1,3,17,1,255,196,0,22,0,1,1,1,0,0,0,0,0,0,0,0,0,0,0,
    0,0,8,0,7,255,196,0,35,16,0,0,3,7,5,1,0,0,0,0,0,0,0,0,0,0,0,1,
    8,2,4,5,6,35,145,162,3,20,34,36,50,17,255,196,0,21,1,1,1,0,0,0,0,0,0,0,
    0,0,0,0,0,0,0,6,8,255,196,0,31,17,0,1,3,3,5,0,0,0,0,0,0,0,0,0,
    0,0,2,0,7,35,1,4,65,19,20,34,81,161,255,218,0,12,3,1,0,2,17,3,17,0,63,0,
    24,74,105,199,207,67,17,166,202,105,203,207,67,16,167,148,211,227,175,26,58,119,33,167,74,105,241,215,
    141,29,59,144,74,230,62,229,206,79,80,38,113,227,40,228,233,18,225,169,196,182,140,253,135,226,32,245,
    134,167,215,93,163,52,152,185,8,72,183,15,177,107,148,153,87,141,163,198,91,80,147,20,95,255,217,
};
/* cjpeg -quality 95 -optimize -sample 1x2 g.ppm */
static const unsigned char jpeg_440[] = {
    255,216,255,224,0,16,74,70,73,70,0,1,1,0,0,1,0,1,0,0,255,219,0,67,0,2,1,1,
    1,1,1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,
    5,6,6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,
    12,9,10,10,10,255,219,0,67,1,2,2,2,2,2,2,5,3,3,5,10,7,6,7,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,255,192,0,17,8,0,15,0,20,3,
    1,18,0,2,17,1,3,17,1,255,196,0,20,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,
    0,0,8,255,196,0,35,16,0,0,3,7,5,1,0,0,0,0,0,0,0,0,0,0,0,1,8,2,
    4,5,6,35,145,162,3,20,34,36,50,17,255,196,0,21,1,1,1,0,0,0,0,0,0,0,0,0,
    0,0,0,0,0,8,7,255,196,0,30,17,0,0,6,2,3,0,0,0,0,0,0,0,0,0,0,0,
    0,2,6,7,34,35,20,161,1,4,5,255,218,0,12,3,1,0,2,17,3,17,0,63,0,24,74,105,
    199,207,67,16,244,148,211,227,175,26,58,119,33,105,83,62,230,149,128,216,142,120,205,27,1,98,83,78,
    94,122,24,135,172,166,159,29,120,209,211,185,3,202,153,247,52,172,216,86,163,158,51,70,192,75,134,167,
    18,218,51,246,31,136,122,195,83,235,174,209,154,76,92,132,59,190,251,155,39,155,54,18,94,91,198,108,
    50,216,63,255,217,
};
/* cjpeg -quality 95 -optimize -sample 4x1 g.ppm */
static const unsigned char jpeg_411[] = {
    255,216,255,224,0,16,74,70,73,70,0,1,1,0,0,1,0,1,0,0,255,219,0,67,0,2,1,1,
    1,1,1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,
    5,6,6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,
    12,9,10,10,10,255,219,0,67,1,2,2,2,2,2,2,5,3,3,5,10,7,6,7,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,255,192,0,17,8,0,15,0,20,3,
    1,65,0,2,17,1,3,17,1,255,196,0,22,0,1,1,1,0,0,0,0,0,0,0,0,0,0,0,
    0,0,7,0,8,255,196,0,35,16,0,0,3,7,5,1,0,0,0,0,0,0,0,0,0,0,0,1,
    8,2,4,5,6,35,145,162,3,20,34,36,50,17,255,196,0,21,1,1,1,0,0,0,0,0,0,0,
    0,0,0,0,0,0,0,8,6,255,196,0,32,17,0,1,2,6,3,1,0,0,0,0,0,0,0,0,
    0,0,1,0,6,3,7,8,22,38,49,33,34,65,50,255,218,0,12,3,1,0,2,17,3,17,0,63,
    0,198,18,154,113,243,208,196,38,202,105,203,207,67,16,131,13,78,37,180,103,236,63,17,11,25,204,252,
    200,126,189,41,39,79,143,60,80,118,240,38,105,77,62,58,241,163,167,114,9,210,154,124,117,227,71,78,
    228,16,97,169,245,215,104,205,38,46,66,2,233,204,248,139,112,236,236,162,141,61,187,162,90,131,147,160,
    191,255,217,
};
/* cjpeg -quality 95 -progressive -sample 2x2 g.ppm */
static const unsigned char jpeg_progressive[] = {
    255,216,255,224,0,16,74,70,73,70,0,1,1,0,0,1,0,1,0,0,255,219,0,67,0,2,1,1,
    1,1,1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,
    5,6,6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,
    12,9,10,10,10,255,219,0,67,1,2,2,2,2,2,2,5,3,3,5,10,7,6,7,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,255,194,0,17,8,0,15,0,20,3,
    1,34,0,2,17,1,3,17,1,255,196,0,22,0,1,1,1,0,0,0,0,0,0,0,0,0,0,0,
    0,0,7,0,6,255,196,0,21,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,5,7,
    255,218,0,12,3,1,0,2,16,3,16,0,0,1,23,211,169,233,210,0,150,123,164,87,159,255,196,0,
    26,16,0,2,3,1,1,0,0,0,0,0,0,0,0,0,0,0,0,6,2,3,4,18,34,255,218,0,
    8,1,1,0,1,5,2,200,184,100,92,43,92,243,145,126,38,69,248,149,175,199,159,255,196,0,25,17,
    0,2,3,1,0,0,0,0,0,0,0,0,0,0,0,0,1,6,0,3,34,19,255,218,0,8,1,3,
    1,1,63,1,78,113,57,212,169,196,242,26,159,255,196,0,26,17,0,2,2,3,0,0,0,0,0,0,
    0,0,0,0,0,0,1,6,0,34,3,18,33,255,218,0,8,1,2,1,1,63,1,102,123,61,180,200,
    246,119,54,159,255,196,0,24,16,1,0,3,1,0,0,0,0,0,0,0,0,0,0,0,0,0,1,49,
    50,51,255,218,0,8,1,1,0,6,63,2,195,14,106,133,66,159,255,196,0,24,16,0,3,1,1,0,
    0,0,0,0,0,0,0,0,0,0,0,0,33,193,49,17,255,218,0,8,1,1,0,1,63,33,198,76,
    36,94,4,201,50,231,161,255,218,0,12,3,1,0,2,0,3,0,0,0,16,191,47,255,196,0,23,17,
    1,0,3,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,113,145,255,218,0,8,1,3,1,1,
    63,16,204,43,40,127,255,196,0,22,17,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
    113,225,255,218,0,8,1,2,1,1,63,16,213,40,143,255,196,0,25,16,0,2,3,1,0,0,0,0,
    0,0,0,0,0,0,0,0,0,1,16,33,209,193,255,218,0,8,1,1,0,1,63,16,129,41,23,6,
    160,141,65,29,22,143,255,217,
};
/* cjpeg -quality 95 -progressive g.pgm */
static const unsigned char jpeg_progressive_grey[] = {
    255,216,255,224,0,16,74,70,73,70,0,1,1,0,0,1,0,1,0,0,255,219,0,67,0,2,1,1,
    1,1,1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,
    5,6,6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,
    12,9,10,10,10,255,194,0,11,8,0,15,0,20,1,1,17,0,255,196,0,21,0,1,1,0,0,0,
    0,0,0,0,0,0,0,0,0,0,0,7,8,255,218,0,8,1,1,0,0,0,1,158,28,23,131,220,
    23,255,0,255,196,0,26,16,0,2,3,1,1,0,0,0,0,0,0,0,0,0,0,0,0,5,2,4,
    6,19,35,255,218,0,8,1,1,0,1,5,2,207,164,51,233,10,105,60,51,233,162,103,211,68,166,154,
    60,63,255,196,0,23,16,0,3,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,33,34,255,
    218,0,8,1,1,0,6,63,2,89,22,69,145,65,65,67,255,196,0,24,16,1,0,3,1,0,0,0,
    0,0,0,0,0,0,0,0,0,0,49,65,241,225,255,218,0,8,1,1,0,1,63,33,195,97,185,117,
    9,66,68,207,255,218,0,8,1,1,0,0,0,16,59,255,196,0,28,16,0,1,4,3,1,0,0,0,
    0,0,0,0,0,0,0,0,0,1,65,129,161,81,97,193,240,255,218,0,8,1,1,0,1,63,16,167,
    20,227,221,96,133,93,8,85,208,238,148,209,255,217,
};
/* cjpeg -quality 95 -optimize -restart 1B -sample 1x1 g.ppm */
static const unsigned char jpeg_restart[] = {
    255,216,255,224,0,16,74,70,73,70,0,1,1,0,0,1,0,1,0,0,255,219,0,67,0,2,1,1,
    1,1,1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,
    5,6,6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,
    12,9,10,10,10,255,219,0,67,1,2,2,2,2,2,2,5,3,3,5,10,7,6,7,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,
    10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,10,255,192,0,17,8,0,15,0,20,3,
    1,17,0,2,17,1,3,17,1,255,196,0,22,0,1,1,1,0,0,0,0,0,0,0,0,0,0,0,
    0,0,8,7,6,255,196,0,35,16,0,0,3,7,5,1,0,0,0,0,0,0,0,0,0,0,0,1,
    8,2,4,5,6,35,145,162,3,20,34,36,50,17,255,196,0,24,1,0,3,1,1,0,0,0,0,0,
    0,0,0,0,0,0,0,6,7,8,1,9,255,196,0,31,17,0,1,3,3,5,0,0,0,0,0,0,
    0,0,0,0,0,6,0,1,34,3,33,50,2,4,5,20,36,255,221,0,4,0,1,255,218,0,12,3,
    1,0,2,17,3,17,0,63,0,24,74,105,199,207,67,17,104,19,30,229,52,6,28,101,140,151,255,208,
    62,202,105,203,207,67,16,202,38,61,202,105,226,28,103,140,151,255,209,159,67,83,137,109,25,251,15,196,
    12,111,207,61,47,37,208,62,44,207,199,166,75,255,210,210,202,105,241,215,141,29,59,144,194,99,138,178,
    187,168,80,56,190,164,110,235,255,211,185,202,105,241,215,141,29,59,144,158,9,142,42,74,238,128,67,139,
    234,70,238,191,255,212,90,67,83,235,174,209,154,76,92,132,17,191,55,171,217,123,186,106,241,101,213,58,
    122,110,235,255,217,
};
/* cjpeg -quality 95 -optimize -rgb g.ppm */
static const unsigned char jpeg_adobe_rgb[] = {
    255,216,255,238,0,14,65,100,111,98,101,0,100,0,0,0,0,0,255,219,0,67,0,2,1,1,1,1,
    1,2,1,1,1,2,2,2,2,2,4,3,2,2,2,2,5,4,4,3,4,6,5,6,6,6,5,6,
    6,6,7,9,8,6,7,9,7,6,6,8,11,8,9,10,10,10,10,10,6,8,11,12,11,10,12,9,
    10,10,10,255,192,0,17,8,0,15,0,20,3,82,17,0,71,17,0,66,17,0,255,196,0,23,0,1,
    1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,8,9,0,10,255,196,0,46,16,0,0,2,4,
    12,6,3,0,0,0,0,0,0,0,0,0,0,7,2,3,24,65,1,4,5,8,34,36,68,84,101,129,
    146,163,6,35,51,54,81,240,21,37,161,255,218,0,12,3,82,0,71,0,66,0,0,63,0,155,115,73,
    178,228,2,108,1,130,109,133,17,182,100,245,107,30,94,42,4,210,108,185,12,192,24,38,216,47,155,102,
    79,86,177,229,226,135,22,221,165,23,245,208,12,192,24,38,216,60,113,41,147,246,203,43,31,163,155,25,
    164,217,114,22,229,132,228,219,170,141,72,133,73,182,97,173,230,211,73,226,160,77,38,203,144,204,39,38,
    221,84,106,68,23,205,179,13,111,54,154,79,20,56,182,237,40,191,174,128,102,19,147,110,170,53,34,15,
    28,74,97,173,249,101,148,210,31,255,217,
};
/* convert g.pgm +dither -interlace GIF gif:- */
static const unsigned char gif_interlaced[] = {
    71,73,70,56,57,97,20,0,15,0,247,0,0,15,15,15,21,21,21,22,22,22,27,27,27,28,28,28,
    29,29,29,33,33,33,34,34,34,35,35,35,36,36,36,39,39,39,40,40,40,41,41,41,42,42,42,43,
    43,43,45,45,45,46,46,46,47,47,47,48,48,48,49,49,49,50,50,50,51,51,51,52,52,52,53,53,
    53,54,54,54,55,55,55,56,56,56,57,57,57,58,58,58,59,59,59,60,60,60,61,61,61,62,62,62,
    63,63,63,64,64,64,65,65,65,66,66,66,67,67,67,68,68,68,69,69,69,70,70,70,71,71,71,72,
    72,72,73,73,73,74,74,74,75,75,75,76,76,76,77,77,77,78,78,78,79,79,79,80,80,80,81,81,
    81,82,82,82,83,83,83,84,84,84,85,85,85,86,86,86,87,87,87,88,88,88,89,89,89,90,90,90,
    91,91,91,92,92,92,93,93,93,94,94,94,95,95,95,96,96,96,97,97,97,98,98,98,99,99,99,100,
    100,100,101,101,101,102,102,102,103,103,103,104,104,104,105,105,105,106,106,106,107,107,107,108,108,108,109,109,
    109,110,110,110,111,111,111,112,112,112,113,113,113,114,114,114,115,115,115,116,116,116,117,117,117,118,118,118,
    119,119,119,120,120,120,121,121,121,122,122,122,123,123,123,124,124,124,125,125,125,126,126,126,127,127,127,128,
    128,128,129,129,129,130,130,130,131,131,131,132,132,132,133,133,133,134,134,134,135,135,135,136,136,136,137,137,
    137,138,138,138,139,139,139,140,140,140,141,141,141,142,142,142,143,143,143,144,144,144,145,145,145,146,146,146,
    147,147,147,148,148,148,149,149,149,150,150,150,151,151,151,152,152,152,153,153,153,154,154,154,155,155,155,156,
    156,156,157,157,157,158,158,158,159,159,159,160,160,160,161,161,161,162,162,162,163,163,163,164,164,164,165,165,
    165,166,166,166,167,167,167,168,168,168,169,169,169,170,170,170,171,171,171,172,172,172,173,173,173,174,174,174,
    175,175,175,176,176,176,177,177,177,178,178,178,179,179,179,180,180,180,181,181,181,182,182,182,183,183,183,184,
    184,184,185,185,185,186,186,186,187,187,187,188,188,188,189,189,189,190,190,190,191,191,191,192,192,192,193,193,
    193,194,194,194,195,195,195,196,196,196,197,197,197,198,198,198,199,199,199,200,200,200,201,201,201,202,202,202,
    204,204,204,205,205,205,206,206,206,207,207,207,208,208,208,211,211,211,212,212,212,213,213,213,214,214,214,218,
    218,218,219,219,219,220,220,220,225,225,225,226,226,226,232,232,232,0,0,0,0,0,0,0,0,0,0,0,
    0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
    0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
    0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
    0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
    0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
    0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
    0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,33,249,4,
    0,0,0,0,0,33,255,11,73,109,97,103,101,77,97,103,105,99,107,14,103,97,109,109,97,61,48,46,
    52,53,52,53,52,53,0,44,0,0,0,0,20,0,15,0,64,8,254,0,1,8,40,144,192,1,133,13,
    34,82,192,184,225,163,8,147,41,90,194,160,121,99,39,4,138,23,54,122,16,89,34,37,11,152,51,110,
    234,240,25,164,40,18,166,79,166,20,64,184,224,161,4,139,25,58,130,32,121,98,165,11,153,53,114,242,
    0,58,228,40,7,144,35,78,170,112,25,163,38,14,158,63,134,26,81,218,36,42,213,43,90,184,6,28,
    96,32,33,3,136,19,46,106,240,24,162,36,10,150,47,102,218,208,217,35,168,2,135,17,42,98,224,248,
    97,164,9,149,45,98,210,192,185,227,167,16,163,73,154,90,208,216,33,36,9,148,43,94,202,176,153,163,
    39,16,162,71,150,58,145,90,21,203,33,68,137,20,251,16,90,36,41,19,168,83,173,100,217,202,181,43,
    0,1,4,13,38,104,176,136,81,35,71,143,32,69,26,88,16,1,195,7,19,122,249,250,5,44,152,176,
    225,7,22,58,144,88,33,195,39,80,161,68,141,34,85,138,80,33,67,199,17,39,218,145,76,217,50,86,
    173,92,189,130,21,75,54,17,164,75,158,74,177,130,41,147,166,77,156,58,121,23,86,226,52,74,21,172,
    90,108,221,194,149,75,215,46,222,80,168,92,205,186,165,43,32,0,59,
};
/* convert g.ppm -interlace PNG -strip -define png:compression-level=9 -define png:color-type=2 png:- */
static const unsigned char png_interlaced[] = {
    137,80,78,71,13,10,26,10,0,0,0,13,73,72,68,82,0,0,0,20,0,0,0,15,8,2,0,0,
    1,28,253,72,148,0,0,0,111,73,68,65,84,40,207,99,20,17,57,17,192,112,35,128,225,6,11,67,
    193,3,6,134,7,12,12,15,24,109,68,182,32,4,24,69,124,118,104,48,188,129,35,136,240,27,56,98,
    212,16,217,135,42,111,241,129,129,1,129,8,241,25,69,12,14,136,48,124,195,133,32,202,191,225,66,148,
    73,51,202,137,28,198,107,183,204,15,6,6,156,104,232,74,51,138,40,29,225,98,248,77,30,130,152,253,
    155,60,52,170,153,68,4,0,118,56,42,199,198,118,184,238,0,0,0,0,73,69,78,68,174,66,96,130,
};
/* convert g.ppm -type truecolor bmp3:- */
static const unsigned char bmp_24[] = {
    66,77,186,3,0,0,0,0,0,0,54,0,0,0,40,0,0,0,20,0,0,0,15,0,0,0,1,0,
    24,0,0,0,0,0,132,3,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,144,216,
    20,139,216,30,134,216,40,129,216,50,124,216,60,119,216,70,114,216,80,109,216,90,104,216,100,99,216,110,
    94,216,120,89,216,130,84,216,140,79,216,150,74,216,160,69,216,170,64,216,180,59,216,190,54,216,200,49,
    216,210,148,202,20,143,202,30,138,202,40,133,202,50,128,202,60,123,202,70,118,202,80,113,202,90,108,202,
    100,103,202,110,98,202,120,93,202,130,88,202,140,83,202,150,78,202,160,73,202,170,68,202,180,63,202,190,
    58,202,200,53,202,210,152,188,20,147,188,30,142,188,40,137,188,50,132,188,60,127,188,70,122,188,80,117,
    188,90,112,188,100,107,188,110,102,188,120,97,188,130,92,188,140,87,188,150,82,188,160,77,188,170,72,188,
    180,67,188,190,62,188,200,57,188,210,156,174,20,151,174,30,146,174,40,141,174,50,136,174,60,131,174,70,
    126,174,80,121,174,90,116,174,100,111,174,110,106,174,120,101,174,130,96,174,140,91,174,150,86,174,160,81,
    174,170,76,174,180,71,174,190,66,174,200,61,174,210,160,160,20,155,160,30,150,160,40,145,160,50,140,160,
    60,135,160,70,130,160,80,125,160,90,120,160,100,115,160,110,110,160,120,105,160,130,100,160,140,95,160,150,
    90,160,160,85,160,170,80,160,180,75,160,190,70,160,200,65,160,210,164,146,20,159,146,30,154,146,40,149,
    146,50,144,146,60,139,146,70,134,146,80,129,146,90,124,146,100,119,146,110,114,146,120,109,146,130,104,146,
    140,99,146,150,94,146,160,89,146,170,84,146,180,79,146,190,74,146,200,69,146,210,168,132,20,163,132,30,
    158,132,40,153,132,50,148,132,60,143,132,70,138,132,80,133,132,90,128,132,100,123,132,110,118,132,120,113,
    132,130,108,132,140,103,132,150,98,132,160,93,132,170,88,132,180,83,132,190,78,132,200,73,132,210,172,118,
    20,167,118,30,162,118,40,157,118,50,152,118,60,147,118,70,142,118,80,137,118,90,132,118,100,127,118,110,
    122,118,120,117,118,130,112,118,140,107,118,150,102,118,160,97,118,170,92,118,180,87,118,190,82,118,200,77,
    118,210,176,104,20,171,104,30,166,104,40,161,104,50,156,104,60,151,104,70,146,104,80,141,104,90,136,104,
    100,131,104,110,126,104,120,121,104,130,116,104,140,111,104,150,106,104,160,101,104,170,96,104,180,91,104,190,
    86,104,200,81,104,210,180,90,20,175,90,30,170,90,40,165,90,50,160,90,60,155,90,70,150,90,80,145,
    90,90,140,90,100,135,90,110,130,90,120,125,90,130,120,90,140,115,90,150,110,90,160,105,90,170,100,90,
    180,95,90,190,90,90,200,85,90,210,184,76,20,179,76,30,174,76,40,169,76,50,164,76,60,159,76,70,
    154,76,80,149,76,90,144,76,100,139,76,110,134,76,120,129,76,130,124,76,140,119,76,150,114,76,160,109,
    76,170,104,76,180,99,76,190,94,76,200,89,76,210,188,62,20,183,62,30,178,62,40,173,62,50,168,62,
    60,163,62,70,158,62,80,153,62,90,148,62,100,143,62,110,138,62,120,133,62,130,128,62,140,123,62,150,
    118,62,160,113,62,170,108,62,180,103,62,190,98,62,200,93,62,210,192,48,20,187,48,30,182,48,40,177,
    48,50,172,48,60,167,48,70,162,48,80,157,48,90,152,48,100,147,48,110,142,48,120,137,48,130,132,48,
    140,127,48,150,122,48,160,117,48,170,112,48,180,107,48,190,102,48,200,97,48,210,196,34,20,191,34,30,
    186,34,40,181,34,50,176,34,60,171,34,70,166,34,80,161,34,90,156,34,100,151,34,110,146,34,120,141,
    34,130,136,34,140,131,34,150,126,34,160,121,34,170,116,34,180,111,34,190,106,34,200,101,34,210,200,20,
    20,195,20,30,190,20,40,185,20,50,180,20,60,175,20,70,170,20,80,165,20,90,160,20,100,155,20,110,
    150,20,120,145,20,130,140,20,140,135,20,150,130,20,160,125,20,170,120,20,180,115,20,190,110,20,200,105,
    20,210,
};

typedef struct Sample {
    const char *name;
    const unsigned char *bytes;
    size_t size;
    const char *format;
    int channels, tolerance;                                /* largest difference from the drawing */
} Sample;

#define SAMPLE(name, format, channels, tolerance) { #name, name, sizeof name, format, channels, tolerance }
static const Sample samples[] = {
    SAMPLE(jpeg_grey, "JPEG", 1, 3), SAMPLE(jpeg_444, "JPEG", 3, 6), SAMPLE(jpeg_422, "JPEG", 3, 9),
    SAMPLE(jpeg_420, "JPEG", 3, 11), SAMPLE(jpeg_440, "JPEG", 3, 12), SAMPLE(jpeg_411, "JPEG", 3, 27),
    SAMPLE(jpeg_progressive, "JPEG", 3, 11), SAMPLE(jpeg_progressive_grey, "JPEG", 1, 3),
    SAMPLE(jpeg_restart, "JPEG", 3, 6), SAMPLE(jpeg_adobe_rgb, "JPEG", 3, 3), SAMPLE(gif_interlaced, "GIF", 3, 0),
    SAMPLE(png_interlaced, "PNG", 3, 0), SAMPLE(bmp_24, "BMP", 3, 0),
};
enum { N_SAMPLES = sizeof samples / sizeof *samples };

static char error[IMAGE_ERROR_SIZE];

/* A generator of its own, so that every run tests the same. */
static uint32_t random_state = 12345;
static uint32_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    return random_state ^= random_state << 5;
}

static int difference(const Image *a, const Image *b)
{
    if (a->width != b->width || a->height != b->height || a->channels != b->channels) return 256;
    int worst = 0;
    for (size_t i = 0; i < (size_t)a->width * (size_t)a->height * (size_t)a->channels; i++) {
        int d = abs(a->pixels[i] - b->pixels[i]);
        if (d > worst) worst = d;
    }
    return worst;
}

static double mean_square(const Image *a, const Image *b)
{
    double sum = 0;
    size_t n = (size_t)a->width * (size_t)a->height * (size_t)a->channels;
    for (size_t i = 0; i < n; i++) sum += pow(a->pixels[i] - b->pixels[i], 2);
    return sum / (double)n;
}

/* ---- Known answers ---- */

static void test_samples(void)
{
    for (int i = 0; i < N_SAMPLES; i++) {
        const Sample *s = &samples[i];
        Image image;
        int ok = image_decode(s->bytes, s->size, 0, &image, error);
        CHECK_MSG(ok, "%s: %s", s->name, error);
        int shape_ok = image.width == WIDTH && image.height == HEIGHT && image.channels == s->channels;
        CHECK_MSG(shape_ok, "%s: %d x %d x %d", s->name, image.width, image.height, image.channels);
        int is_grey = s->channels == 1 || s->bytes == gif_interlaced, worst = 0;
        for (int y = 0; ok && y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                for (int c = 0; c < s->channels; c++) {
                    int wanted = is_grey ? drawing_grey(x, y) : drawing_rgb(x, y, c);
                    int d = abs(image.pixels[(y * WIDTH + x) * s->channels + c] - wanted);
                    if (d > worst) worst = d;
                }
        CHECK_MSG(worst <= s->tolerance, "%s: differs by %d, allowed %d", s->name, worst, s->tolerance);
        image_free(&image);
        int width, height, channels;
        const char *format;
        CHECK(image_probe(s->bytes, s->size, &width, &height, &channels, &format, error));
        CHECK(width == WIDTH && height == HEIGHT && channels == s->channels && strcmp(format, s->format) == 0);
    }
    CHECK(image_probe(jpeg_444, sizeof jpeg_444, NULL, NULL, NULL, NULL, NULL));
}

/* A copy of a JPEG with an EXIF segment behind its start marker. */
static size_t with_orientation(const unsigned char *jpeg, size_t size, int orientation, int big, unsigned char *out)
{
    static const unsigned char intel[] = {
        0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
        0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    };
    static const unsigned char motorola[] = {
        0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
        1, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
    };
    memcpy(out, jpeg, 2);
    memcpy(out + 2, big ? motorola : intel, sizeof intel);
    out[2 + 28 + big] = (unsigned char)orientation;
    memcpy(out + 2 + sizeof intel, jpeg + 2, size - 2);
    return size + sizeof intel;
}

/* EXIF names, for each orientation, the side of the picture where the stored row 0 and column 0 belong. */
static void test_orientation(void)
{
    static const char *const sides[9] = { "", "TL", "TR", "BR", "BL", "LT", "RT", "RB", "LB" };
    Image plain, turned;
    CHECK(image_decode(jpeg_444, sizeof jpeg_444, 0, &plain, error));
    for (int o = 1; o <= 8; o++) {
        unsigned char bytes[2048];
        size_t size = with_orientation(jpeg_444, sizeof jpeg_444, o, o % 2, bytes);
        CHECK(image_decode(bytes, size, 0, &turned, error));
        CHECK(turned.width == (o < 5 ? WIDTH : HEIGHT) && turned.height == (o < 5 ? HEIGHT : WIDTH));
        int width, height, wrong = 0;
        CHECK(image_probe(bytes, size, &width, &height, NULL, NULL, error));
        CHECK(width == turned.width && height == turned.height);
        for (int row = 0; row < HEIGHT; row++) {
            for (int column = 0; column < WIDTH; column++) {
                int x = 0, y = 0;
                for (int i = 0; i < 2; i++) {
                    int along = i == 0 ? row : column, length = i == 0 ? HEIGHT : WIDTH;
                    if (sides[o][i] == 'T') y = along;
                    if (sides[o][i] == 'B') y = length - 1 - along;
                    if (sides[o][i] == 'L') x = along;
                    if (sides[o][i] == 'R') x = length - 1 - along;
                }
                const unsigned char *stored = plain.pixels + (row * WIDTH + column) * 3;
                wrong += memcmp(stored, turned.pixels + (y * turned.width + x) * 3, 3) != 0;
            }
        }
        CHECK_MSG(wrong == 0, "orientation %d: %d wrong pixels", o, wrong);
        image_free(&turned);
    }
    image_free(&plain);
}

static size_t find_marker(const unsigned char *bytes, size_t size, unsigned char marker)
{
    for (size_t i = 0; i + 1 < size; i++)
        if (bytes[i] == 0xFF && bytes[i + 1] == marker) return i;
    return 0;
}

static void test_jpeg_refusals(void)
{
    static const struct { int offset; unsigned char value; const char *words; } patches[] = {
        { 1, 0xC9, "arithmetic" }, { 1, 0xC3, "lossless" }, { 1, 0xC5, "hierarchical" }, { 4, 12, "12 bits" },
        { 11, 0x30, "sampling" }, { 12, 9, "table" },
    };
    for (size_t i = 0; i < sizeof patches / sizeof *patches; i++) {
        unsigned char bytes[sizeof jpeg_444];
        memcpy(bytes, jpeg_444, sizeof bytes);
        bytes[find_marker(bytes, sizeof bytes, 0xC0) + (size_t)patches[i].offset] = patches[i].value;
        Image image;
        CHECK(!image_decode(bytes, sizeof bytes, 0, &image, error) && !image.pixels);
        CHECK_MSG(strstr(error, patches[i].words), "%s is not about %s", error, patches[i].words);
    }
    static const unsigned char cmyk[] = {
        0xFF, 0xD8, 0xFF, 0xC0, 0, 20, 8, 0, 8, 0, 8, 4, 1, 17, 0, 2, 17, 0, 3, 17, 0, 4, 17, 0,
    };
    CHECK(!image_probe(cmyk, sizeof cmyk, NULL, NULL, NULL, NULL, error) && strstr(error, "CMYK"));
    unsigned char bytes[sizeof jpeg_restart];
    memcpy(bytes, jpeg_restart, sizeof bytes);
    bytes[find_marker(bytes, sizeof bytes, 0xD1) + 1] = 0xD4;
    Image image;
    CHECK(!image_decode(bytes, sizeof bytes, 0, &image, error) && strstr(error, "restart marker FFD1"));
    CHECK(!image_decode(jpeg_444, sizeof jpeg_444 - 60, 0, &image, error) && strstr(error, "are missing"));
    CHECK(!image_decode(jpeg_progressive, sizeof jpeg_progressive - 2, 0, &image, error) && strstr(error, "missing"));
    CHECK(image_decode(jpeg_444, sizeof jpeg_444 - 2, 0, &image, error));              /* only the end marker is gone */
    image_free(&image);
}

/* ---- Files built here ---- */

static unsigned char built[65536];
static size_t built_size;

static void build(const void *bytes, size_t size)
{
    if (size > 0) memcpy(built + built_size, bytes, size);
    built_size += size;
}

static void build_be(uint32_t value, int bytes)
{
    while (bytes-- > 0) built[built_size++] = (unsigned char)(value >> 8 * bytes);
}

static void build_le(uint32_t value, int bytes)
{
    for (; bytes > 0; bytes--, value >>= 8) built[built_size++] = (unsigned char)value;
}

/* CRC-32 bit by bit, from its definition. */
static uint32_t slow_crc(const unsigned char *bytes, size_t size)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < size * 8; i++) {
        uint32_t bit = (crc ^ bytes[i / 8] >> i % 8) & 1;
        crc = crc >> 1 ^ (bit ? 0xEDB88320 : 0);
    }
    return ~crc;
}

static void build_chunk(const char *name, const unsigned char *data, size_t size)
{
    build_be((uint32_t)size, 4);
    size_t start = built_size;
    build(name, 4);
    build(data, size);
    build_be(slow_crc(built + start, size + 4), 4);
}

typedef struct PngKind { int width, height, type, depth, interlaced, transparent; } PngKind;
static const int png_samples[7] = { 1, 0, 3, 1, 2, 0, 4 };

/* The sample of a test picture, a hash of its place. Palettes have 2^depth - 1 colours, so the last index is spared. */
static unsigned png_sample(const PngKind *k, int x, int y, int c)
{
    uint32_t hash = (uint32_t)x * 73856093 ^ (uint32_t)y * 19349663 ^ (uint32_t)(c + 1) * 83492791;
    hash = (hash ^ hash >> 13) * 2654435761u >> 8;
    return hash % ((1u << k->depth) - (k->type == 3));
}

static int png_predict(int filter, int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    if (filter == 4) return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    return filter == 1 ? a : filter == 2 ? b : filter == 3 ? (a + b) / 2 : 0;
}

/* Packs and filters the rows of one pass; the filters take turns. */
static size_t png_pass(const PngKind *k, int x0, int y0, int dx, int dy, unsigned char *out)
{
    unsigned char rows[2][1024];
    size_t total = 0, samples = (size_t)png_samples[k->type], step = (samples * (size_t)k->depth + 7) / 8;
    memset(rows, 0, sizeof rows);
    if (x0 >= k->width) return 0;
    for (int y = y0, n = 0; y < k->height; y += dy, n++) {
        unsigned char *row = rows[n % 2], *above = rows[1 - n % 2];
        size_t bit = 0;
        memset(row, 0, sizeof rows[0]);
        for (int x = x0; x < k->width; x += dx)
            for (int c = 0; c < (int)samples; c++)
                for (int b = k->depth - 1; b >= 0; b--, bit++)
                    row[bit / 8] |= (unsigned char)((png_sample(k, x, y, c) >> b & 1) << (7 - bit % 8));
        size_t bytes = (bit + 7) / 8;
        int filter = n % 5;
        out[total++] = (unsigned char)filter;
        for (size_t i = 0; i < bytes; i++) {
            int left = i >= step ? row[i - step] : 0, corner = i >= step ? above[i - step] : 0;
            out[total++] = (unsigned char)(row[i] - png_predict(filter, left, above[i], corner));
        }
    }
    return total;
}

static void build_png_header(const PngKind *k)
{
    built_size = 0;
    build("\x89PNG\r\n\x1A\n", 8);
    unsigned char header[13] = { 0, 0, 0, (unsigned char)k->width, 0, 0, 0, (unsigned char)k->height,
                                 (unsigned char)k->depth, (unsigned char)k->type, 0, 0, (unsigned char)k->interlaced };
    build_chunk("IHDR", header, 13);
    unsigned char palette[768], alpha[256];
    int colours = (1 << k->depth) - 1;
    for (int i = 0; k->type == 3 && i < colours; i++) {
        alpha[i] = (unsigned char)(i * 3 + 1);
        for (int c = 0; c < 3; c++) palette[3 * i + c] = (unsigned char)(i * 7 + c * 50);
    }
    if (k->type == 3) build_chunk("PLTE", palette, 3 * (size_t)colours);
    if (!k->transparent) return;
    unsigned char key[6] = { 0 };
    for (int c = 0; c < 3 && k->type < 3; c++) {
        unsigned value = png_sample(k, 1, 1, c);
        key[2 * c] = (unsigned char)(value >> 8);
        key[2 * c + 1] = (unsigned char)value;
    }
    if (k->type == 3) build_chunk("tRNS", alpha, (size_t)(colours + 1) / 2);
    else build_chunk("tRNS", key, k->type == 0 ? 2 : 6);
}

/* A whole PNG, its data stored without compression, in several blocks and chunks. */
static void build_png(const PngKind *k)
{
    static const int passes[8][4] = { { 0, 0, 8, 8 }, { 4, 0, 8, 8 }, { 0, 4, 4, 8 }, { 2, 0, 4, 4 },
                                      { 0, 2, 2, 4 }, { 1, 0, 2, 2 }, { 0, 1, 1, 2 }, { 0, 0, 1, 1 } };
    static unsigned char raw[32768], data[40000];
    size_t n = 0, size = 2;
    build_png_header(k);
    for (int i = k->interlaced ? 0 : 7; i < (k->interlaced ? 7 : 8); i++)
        n += png_pass(k, passes[i][0], passes[i][1], passes[i][2], passes[i][3], raw + n);
    data[0] = 0x78;
    data[1] = 0x01;
    uint32_t a = 1, b = 0;
    for (size_t at = 0, length; at < n; at += length) {
        length = n - at < 1000 ? n - at : 1000;
        data[size++] = at + length == n;
        for (int i = 0; i < 4; i++) data[size++] = (unsigned char)((i < 2 ? length : ~length) >> 8 * (i % 2));
        memcpy(data + size, raw + at, length);
        size += length;
    }
    for (size_t i = 0; i < n; i++) {
        a = (a + raw[i]) % 65521;
        b = (b + a) % 65521;
    }
    for (int i = 3; i >= 0; i--) data[size++] = (unsigned char)((b << 16 | a) >> 8 * i);
    for (size_t at = 0; at < size; at += 777) build_chunk("IDAT", data + at, size - at < 777 ? size - at : 777);
    build_chunk("IEND", NULL, 0);
}

/* What a pixel of the picture should become; returns the channels. */
static int png_expected(const PngKind *k, int x, int y, unsigned char *out)
{
    int samples = png_samples[k->type], colour = k->type & 2, is_key = 1;
    double maximum = (1 << k->depth) - 1;
    unsigned value[4];
    for (int c = 0; c < samples; c++) {
        value[c] = png_sample(k, x, y, c);
        if (c < 3) is_key &= value[c] == png_sample(k, 1, 1, c);
    }
    if (k->type == 3) {
        for (int c = 0; c < 3; c++) out[c] = (unsigned char)(value[0] * 7 + (unsigned)c * 50);
        out[3] = value[0] < (1u << k->depth) / 2 ? (unsigned char)(value[0] * 3 + 1) : 255;
        return k->transparent ? 4 : 3;
    }
    for (int c = 0; c < 3; c++) out[c] = (unsigned char)floor(value[colour ? c : 0] * 255 / maximum + 0.5);
    out[3] = k->transparent && is_key ? 0 : 255;
    if (k->type >= 4) out[3] = (unsigned char)floor(value[samples - 1] * 255 / maximum + 0.5);
    return k->type >= 4 || k->transparent ? 4 : colour ? 3 : 1;
}

static void check_png(const PngKind *k)
{
    build_png(k);
    Image image;
    int ok = image_decode(built, built_size, 0, &image, error), wrong = 0;
    CHECK_MSG(ok, "type %d depth %d interlaced %d, %d x %d: %s", k->type, k->depth, k->interlaced, k->width, k->height,
              error);
    if (!ok) return;
    for (int y = 0; y < k->height; y++)
        for (int x = 0; x < k->width; x++) {
            unsigned char wanted[4];
            int channels = png_expected(k, x, y, wanted);
            if (channels != image.channels) wrong += 1000;
            else wrong += memcmp(wanted, image.pixels + (y * k->width + x) * channels, (size_t)channels) != 0;
        }
    CHECK_MSG(wrong == 0, "type %d depth %d interlaced %d transparent %d, %d x %d: %d wrong pixels", k->type, k->depth,
              k->interlaced, k->transparent, k->width, k->height, wrong);
    image_free(&image);
}

static void test_png_kinds(void)
{
    static const int sizes[][2] = { { 1, 1 }, { 2, 2 }, { 3, 5 }, { 5, 3 }, { 9, 8 }, { 33, 17 } };
    for (int type = 0; type <= 6; type++)
        for (int depth = 1; depth <= 16; depth *= 2) {
            if (type == 1 || type == 5 || (type != 0 && type != 3 && depth < 8) || (type == 3 && depth > 8)) continue;
            for (int interlaced = 0; interlaced < 2; interlaced++)
                for (int transparent = 0; transparent < (type < 4 ? 2 : 1); transparent++)
                    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                        PngKind kind = { sizes[i][0], sizes[i][1], type, depth, interlaced, transparent };
                        check_png(&kind);
                    }
        }
}

static void test_png_damage(void)
{
    PngKind kind = { 9, 8, 3, 4, 0, 0 };
    Image image;
    build_png(&kind);
    built[built_size - 1] ^= 1;
    CHECK(!image_decode(built, built_size, 0, &image, error) && strstr(error, "CRC"));
    build_png(&kind);
    CHECK(!image_decode(built, built_size - 12, 0, &image, error) && strstr(error, "IEND"));
    size_t idat = 8 + 25 + 12 + 45, length = image_be32(built + idat);
    CHECK(memcmp(built + idat + 4, "IDAT", 4) == 0);
    built[idat + 8 + length - 1] ^= 1;                      /* the last byte of the Adler sum, with a matching CRC */
    uint32_t crc = slow_crc(built + idat + 4, length + 4);
    for (size_t i = 0; i < 4; i++) built[idat + 8 + length + i] = (unsigned char)(crc >> (24 - 8 * i));
    CHECK(!image_decode(built, built_size, 0, &image, error) && strstr(error, "Adler"));
    built_size = 0;
    build_png_header(&kind);
    unsigned char bomb[13] = { 0, 0, 0x1F, 0x40, 0, 0, 0x1F, 0x40, 8, 2, 0, 0, 0 };
    built_size = 8;
    build_chunk("IHDR", bomb, 13);
    build_chunk("IDAT", bomb, 13);
    build_chunk("IEND", NULL, 0);
    CHECK(!image_decode(built, built_size, 0, &image, error) && strstr(error, "cannot be in"));
    bomb[2] = bomb[6] = 0x7F;
    built_size = 8;
    build_chunk("IHDR", bomb, 13);
    CHECK(!image_decode(built, built_size, 0, &image, error) && strstr(error, "limit"));
}

static void check_decodes(const char *what, int channels, const unsigned char *wanted, int width, int height)
{
    Image image;
    int ok = image_decode(built, built_size, 0, &image, error);
    CHECK_MSG(ok, "%s: %s", what, error);
    CHECK_MSG(ok && image.width == width && image.height == height && image.channels == channels &&
              memcmp(image.pixels, wanted, (size_t)(width * height * channels)) == 0, "%s: wrong pixels", what);
    image_free(&image);
    int w, h, c;
    CHECK(image_probe(built, built_size, &w, &h, &c, NULL, error) && w == width && h == height && c == channels);
    for (size_t cut = 0; cut < built_size; cut++) {         /* every prefix fails or gives the same */
        unsigned char *copy = (unsigned char *)malloc(cut + 1);
        memcpy(copy + 1, built, cut);
        if (image_decode(copy + 1, cut, 0, &image, error))
            CHECK_MSG(memcmp(image.pixels, wanted, (size_t)(width * height * channels)) == 0, "%s cut at %zu", what,
                      cut);
        image_free(&image);
        free(copy);
    }
}

static void test_pnm(void)
{
    static const unsigned char bits[6] = { 255, 0, 255, 0, 0, 255 }, greys[4] = { 0, 85, 170, 255 };
    static const unsigned char colours[6] = { 255, 0, 128, 0, 255, 64 };
#define FILE_TEXT(text) text, sizeof text - 1
    static const struct {
        const char *text;
        size_t size;
        int channels, width, height;
        const unsigned char *wanted;
    } files[] = {
        { FILE_TEXT("P1\n# a comment\n3 2\n0 1 0\n110"), 1, 3, 2, bits },
        { FILE_TEXT("P4 3 2\n\x5F\xDF"), 1, 3, 2, bits },
        { FILE_TEXT("P2 2#c\n2\n3\n0 1\n2 3\n"), 1, 2, 2, greys },
        { FILE_TEXT("P5\n2 2\n255\n\x00\x55\xAA\xFF"), 1, 2, 2, greys },
        { FILE_TEXT("P5 2 2 65535\n\x00\x00\x55\x55\xAA\xAA\xFF\xFF"), 1, 2, 2, greys },
        { FILE_TEXT("P3 2 1 4 4 0 2 0 4 1"), 3, 2, 1, colours },
        { FILE_TEXT("P6 2 1 255\n\xFF\x00\x80\x00\xFF\x40"), 3, 2, 1, colours },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        memcpy(built, files[i].text, built_size = files[i].size);
        check_decodes(files[i].text, files[i].channels, files[i].wanted, files[i].width, files[i].height);
    }
    Image image;
    CHECK(!image_decode("P2 1 1 7\n8", 10, 0, &image, error) && strstr(error, "above 7"));
    CHECK(!image_decode("P5 1 1 7\n\x08", 10, 0, &image, error) && strstr(error, "above 7"));
    CHECK(!image_decode("P5 9000 7000 255\n1", 18, 0, &image, error) && strstr(error, "missing"));
    CHECK(!image_decode("P5 0 1 255\n1", 12, 0, &image, error));
    CHECK(!image_decode("P2 1 1 999999999999 0", 21, 0, &image, error));
}

static void build_bmp(int bits, int compression, int header, int width, int height, int colours)
{
    built_size = 0;
    build("BM", 2);
    build_le(0, 8);
    int masks = compression == 3 && header == 40 ? 12 : 0;
    build_le((uint32_t)(14 + header + masks + colours * (header == 12 ? 3 : 4)), 4);
    build_le((uint32_t)header, 4);
    build_le((uint32_t)width, header == 12 ? 2 : 4);
    build_le((uint32_t)height, header == 12 ? 2 : 4);
    build_le(1, 2);
    build_le((uint32_t)bits, 2);
    if (header == 12) return;
    build_le((uint32_t)compression, 4);
    build_le(0, 12);
    build_le((uint32_t)colours, 4);
    build_le(0, 4);
}

static void test_bmp(void)
{
    /* 2 x 2: red, green / blue, white */
    static const unsigned char wanted[12] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255 };
    static const unsigned char palette[16] = { 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0 };
    build_bmp(8, 0, 40, 2, 2, 4);
    build(palette, 16);
    build("\2\3\0\0\0\1\0\0", 8);
    check_decodes("BMP 8 bits", 3, wanted, 2, 2);
    build_bmp(4, 0, 40, 2, -2, 4);
    build(palette, 16);
    build("\x01\0\0\0\x23\0\0\0", 8);
    check_decodes("BMP 4 bits from the top", 3, wanted, 2, 2);
    static const unsigned char red_blue[6] = { 255, 0, 0, 0, 0, 255 };
    build_bmp(1, 0, 12, 2, 1, 2);
    build("\0\0\xFF\xFF\0\0\x40\0\0\0", 10);
    check_decodes("BMP 1 bit of OS/2", 3, red_blue, 2, 1);
    build_bmp(16, 0, 40, 2, 2, 0);
    build("\x1F\0\xFF\x7F\0\x7C\xE0\x03", 8);
    check_decodes("BMP 16 bits", 3, wanted, 2, 2);
    build_bmp(16, 3, 40, 2, 2, 0);
    build_le(0xF800, 4);
    build_le(0x7E0, 4);
    build_le(0x1F, 4);
    build("\x1F\0\xFF\xFF\0\xF8\xE0\x07", 8);
    check_decodes("BMP 16 bits with masks", 3, wanted, 2, 2);
    build_bmp(24, 0, 40, 2, 2, 0);
    build("\xFF\0\0\xFF\xFF\xFF\0\0\0\0\xFF\0\xFF\0\0\0", 16);
    check_decodes("BMP 24 bits", 3, wanted, 2, 2);
    build_bmp(32, 0, 40, 2, 2, 0);
    build("\xFF\0\0\0\xFF\xFF\xFF\0\0\0\xFF\0\0\xFF\0\0", 16);
    check_decodes("BMP 32 bits", 3, wanted, 2, 2);
    static const unsigned char alpha[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    build_bmp(32, 3, 56, 2, 1, 0);
    for (int i = 0; i < 4; i++) build_le(0xFFu << 8 * i, 4);
    build(alpha, 8);
    check_decodes("BMP 32 bits with alpha", 4, alpha, 2, 1);
    Image image;
    build_bmp(8, 1, 40, 2, 2, 4);
    build(palette, 16);
    CHECK(!image_decode(built, built_size, 0, &image, error) && strstr(error, "run lengths"));
    build_bmp(24, 0, 40, 2, (int)0x80000000, 0);
    CHECK(!image_decode(built, built_size, 0, &image, error));
}

/* LZW without learning: a clear code before the codes would widen. */
static void build_gif_data(const unsigned char *indices, size_t n, int bits)
{
    uint32_t pending = 0;
    int count = 0, clear = 1 << bits, since = 0;
    unsigned char data[4096];
    size_t size = 0;
    for (size_t i = 0; i <= n; i++) {
        int codes[2] = { clear, i < n ? indices[i] : clear + 1 };
        for (int c = since == 0 ? 0 : 1; c < 2; c++) {
            pending |= (uint32_t)codes[c] << count;
            for (count += bits + 1; count >= 8; count -= 8, pending >>= 8) data[size++] = (unsigned char)pending;
        }
        since = (since + 1) % (clear - 2);
    }
    data[size++] = (unsigned char)pending;
    build_le((uint32_t)bits, 1);
    for (size_t at = 0; at < size; at += 255) {
        size_t part = size - at < 255 ? size - at : 255;
        build_le((uint32_t)part, 1);
        build(data + at, part);
    }
    build_le(0, 1);
}

static void test_gif(void)
{
    built_size = 0;
    build("GIF89a\4\0\3\0\x81\0\0\x0A\x0B\x0C\x14\x15\x16\x1E\x1F\x20\x28\x29\x2A", 25);      /* 4 x 3, 4 colours */
    build("\x21\xFE\2hi\0\x21\xF9\4\1\0\0\2\0", 14);                                          /* colour 2 is open */
    build("\x2C\1\0\1\0\3\0\2\0\0", 10);                                                      /* 3 x 2 at 1, 1 */
    build_gif_data((const unsigned char *)"\0\1\2\3\3\3", 6, 2);
    build("\x3B", 1);
    static const unsigned char wanted[48] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                              0, 0, 0, 0, 10, 11, 12, 255, 20, 21, 22, 255, 0, 0, 0, 0,
                                              0, 0, 0, 0, 40, 41, 42, 255, 40, 41, 42, 255, 40, 41, 42, 255 };
    check_decodes("GIF with an open colour", 4, wanted, 4, 3);
    Image image;
    built_size = 0;
    build("GIF87a\xFF\xFF\x00\x02\x80\0\0\0\0\0\1\1\1\x2C\0\0\0\0\xFF\xFF\0\2\0", 29);
    build("\2\1\4\0", 4);
    CHECK(!image_decode(built, built_size, 0, &image, error) && strstr(error, "cannot be in"));
    CHECK(!image_decode("GIF89a\1\0\1\0\0\0\0\x3B", 14, 0, &image, error) && strstr(error, "no frame"));
}

/* ---- Round trips ---- */

enum { NOISE, SMOOTH, FLAT, STRIPES, N_PATTERNS };

static Image make_picture(int width, int height, int channels, int pattern)
{
    Image image;
    CHECK(image_new(width, height, channels, &image, error));
    unsigned char *p = image.pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                int value = 77;
                if (pattern == NOISE) value = (int)(random_bits() >> 24);
                if (pattern == SMOOTH) value = (int)(127 + 60 * sin(0.05 * x + c) + 60 * cos(0.04 * y - 0.02 * x * c));
                if (pattern == STRIPES) value = x / 3 % 2 ? 255 : y % 7 * 30;
                *p++ = (unsigned char)value;
            }
    return image;
}

static void test_png_round_trip(void)
{
    static const int sizes[][2] = { { 1, 1 }, { 1, 300 }, { 300, 1 }, { 7, 5 }, { 129, 257 }, { 400, 300 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1)
            for (int pattern = 0; pattern < N_PATTERNS; pattern++) {
                Image image = make_picture(sizes[i][0], sizes[i][1], channels, pattern), back;
                unsigned char *bytes;
                size_t size, raw = (size_t)image.width * (size_t)image.height * (size_t)channels;
                CHECK(image_encode_png(&image, NULL, 0, &bytes, &size, error));
                CHECK(image_decode(bytes, size, 0, &back, error));
                CHECK_MSG(difference(&image, &back) == 0, "PNG %d x %d x %d, pattern %d", image.width, image.height,
                          channels, pattern);
                CHECK(size < raw + raw / 500 + 500);
                if (pattern == FLAT && raw > 10000) CHECK(size < raw / 200 + 200);
                image_free(&image);
                image_free(&back);
                free(bytes);
            }
}

static void test_jpeg_round_trip(void)
{
    static const int sizes[][2] = { { 1, 1 }, { 8, 8 }, { 17, 33 }, { 200, 150 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int channels = 1; channels <= 3; channels += 2)
            for (int quality = 30; quality <= 100; quality += 35) {
                Image image = make_picture(sizes[i][0], sizes[i][1], channels, SMOOTH), back;
                unsigned char *bytes;
                size_t size;
                CHECK(image_encode_jpeg(&image, quality, &bytes, &size, error));
                CHECK(image_decode(bytes, size, 0, &back, error));
                CHECK(difference(&image, &back) < 256);
                double limit = quality == 100 ? 1 : quality == 65 ? 25 : 50;
                CHECK_MSG(mean_square(&image, &back) < limit, "JPEG quality %d, %d x %d x %d: mean square %g", quality,
                          image.width, image.height, channels, mean_square(&image, &back));
                image_free(&image);
                image_free(&back);
                free(bytes);
            }
    Image noise = make_picture(64, 64, 3, NOISE), back;         /* every symbol of the codes */
    unsigned char *bytes;
    size_t size;
    CHECK(image_encode_jpeg(&noise, 100, &bytes, &size, error) && image_decode(bytes, size, 3, &back, error));
    CHECK(mean_square(&noise, &back) < 2);
    free(bytes);
    image_free(&back);
    CHECK(image_encode_jpeg(&noise, 1, &bytes, &size, error) && image_decode(bytes, size, 3, &back, error));
    free(bytes);
    image_free(&back);
    CHECK(!image_encode_jpeg(&noise, 0, &bytes, &size, error) && !image_encode_jpeg(&noise, 101, &bytes, &size, error));
    image_free(&noise);
}

static void test_gif_round_trip(void)
{
    unsigned char *bytes;
    size_t size;
    Image back;
    for (int pattern = 0; pattern < N_PATTERNS; pattern++) {
        Image frames[3];
        for (int i = 0; i < 3; i++) frames[i] = make_picture(131, 97, 1, i == 0 ? pattern : NOISE);
        CHECK(image_encode_gif(frames, 3, 80, &bytes, &size, error) && image_decode(bytes, size, 1, &back, error));
        CHECK_MSG(difference(&frames[0], &back) == 0, "grey GIF, pattern %d", pattern);
        size_t frame_marks = 0;                                 /* graphic controls with a delay of 8 hundredths */
        for (size_t i = 0; i + 8 <= size; i++) frame_marks += memcmp(bytes + i, "\x21\xF9\4\4\x08\0\0\0", 8) == 0;
        CHECK(frame_marks == 3 && bytes[size - 1] == 0x3B);
        image_free(&back);
        free(bytes);
        for (int i = 0; i < 3; i++) image_free(&frames[i]);
    }
    for (int colours = 1; colours <= 256; colours += colours < 5 ? 1 : 83) {
        Image image = make_picture(40, 30, 3, FLAT);
        for (int i = 0; i < 1200; i++) {
            int n = i % colours;
            image.pixels[3 * i] = (unsigned char)n;
            image.pixels[3 * i + 1] = (unsigned char)(n * 3);
            image.pixels[3 * i + 2] = (unsigned char)(255 - n);
        }
        CHECK(image_encode_gif(&image, 1, 0, &bytes, &size, error) && image_decode(bytes, size, 3, &back, error));
        CHECK_MSG(difference(&image, &back) == 0, "GIF of %d colours", colours);
        image_free(&back);
        image_free(&image);
        free(bytes);
    }
    Image smooth = make_picture(200, 150, 3, SMOOTH), small_a, small_b;
    CHECK(image_encode_gif(&smooth, 1, 100, &bytes, &size, error) && image_decode(bytes, size, 3, &back, error));
    CHECK_MSG(mean_square(&smooth, &back) < 110, "GIF: mean square %g", mean_square(&smooth, &back));
    CHECK(image_resize(&smooth, 20, 15, &small_a, error) && image_resize(&back, 20, 15, &small_b, error));
    CHECK_MSG(mean_square(&small_a, &small_b) < 3, "dithering keeps means: %g", mean_square(&small_a, &small_b));
    free(bytes);
    image_free(&small_a);
    image_free(&small_b);
    image_free(&back);
    Image pair[2] = { smooth, make_picture(10, 10, 3, FLAT) };
    CHECK(!image_encode_gif(pair, 2, 100, &bytes, &size, error) && strstr(error, "frame 1"));
    CHECK(!image_encode_gif(pair, 0, 100, &bytes, &size, error));
    CHECK(!image_encode_gif(pair, 1, -1, &bytes, &size, error));
    image_free(&pair[0]);
    image_free(&pair[1]);
}

static void test_texts(void)
{
    static const ImageText texts[2] = { { "Comment", "seed 7" }, { "Author", "J\xC3\xBCrgen" } };
    static const ImageText bad = { "", "x" };
    Image image = make_picture(3, 3, 1, FLAT);
    unsigned char *bytes;
    size_t size;
    char value[16];
    CHECK(image_encode_png(&image, texts, 2, &bytes, &size, error));
    CHECK(image_png_text(bytes, size, "Comment", value, sizeof value) && strcmp(value, "seed 7") == 0);
    CHECK(image_png_text(bytes, size, "Author", value, sizeof value) && strcmp(value, "J\xC3\xBCrgen") == 0);
    CHECK(image_png_text(bytes, size, "Comment", value, 7));
    CHECK(!image_png_text(bytes, size, "Comment", value, 6) && value[0] == 0);
    CHECK(!image_png_text(bytes, size, "Comme", value, sizeof value));
    CHECK(!image_png_text(bytes, 40, "Comment", value, sizeof value));
    CHECK(!image_png_text("x", 1, "x", value, sizeof value));
    free(bytes);
    CHECK(!image_encode_png(&image, &bad, 1, &bytes, &size, error) && !bytes);
    image_free(&image);
}

static void test_conversion(void)
{
    static const unsigned char pixels[8] = { 200, 100, 0, 255, 200, 100, 0, 51 };
    Image image = { 2, 1, 4, NULL }, out;
    unsigned char *bytes;
    size_t size;
    image.pixels = (unsigned char *)malloc(8);
    memcpy(image.pixels, pixels, 8);
    CHECK(image_encode_png(&image, NULL, 0, &bytes, &size, error));
    CHECK(image_decode(bytes, size, 3, &out, error));
    CHECK(memcmp(out.pixels, "\xC8\x64\0\xF4\xE0\xCC", 6) == 0);           /* 200 100 0, and 244 224 204 over white */
    image_free(&out);
    CHECK(image_decode(bytes, size, 1, &out, error));
    CLOSE(out.pixels[0], 0.299 * 200 + 0.587 * 100, 0.5);
    CLOSE(out.pixels[1], 0.299 * 244 + 0.587 * 224 + 0.114 * 204, 0.5);
    image_free(&out);
    free(bytes);
    image_free(&image);
    CHECK(image_decode(jpeg_grey, sizeof jpeg_grey, 4, &out, error));
    CHECK(out.channels == 4 && out.pixels[0] == out.pixels[2] && out.pixels[3] == 255);
    image_free(&out);
    CHECK(!image_decode(jpeg_grey, sizeof jpeg_grey, 2, &out, error) && !image_decode("?", 1, 0, &out, error));
    CHECK(!image_decode(NULL, 0, 0, &out, error));
    CHECK(!image_new(0, 5, 1, &out, error) && !image_new(5, 5, 2, &out, NULL));
    CHECK(!image_new(1 << 30, 1 << 30, 4, &out, error) && !out.pixels);
}

/* ---- Resizing ---- */

static void test_resize(void)
{
    Image image = make_picture(37, 23, 4, FLAT), out;
    static const int sizes[][2] = { { 1, 1 }, { 5, 100 }, { 37, 23 }, { 74, 7 }, { 300, 200 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK(image_resize(&image, sizes[i][0], sizes[i][1], &out, error));
        int wrong = 0;
        for (int p = 0; p < out.width * out.height * 4; p++) wrong += out.pixels[p] != 77;
        CHECK_MSG(wrong == 0, "flat picture to %d x %d: %d pixels changed", sizes[i][0], sizes[i][1], wrong);
        image_free(&out);
    }
    image_free(&image);
    image = make_picture(31, 29, 3, NOISE);
    CHECK(image_resize(&image, 31, 29, &out, error) && difference(&image, &out) == 0);
    image_free(&out);
    image_free(&image);

    Image ramp;                                             /* growing: a ramp stays a ramp, clamped at its ends */
    CHECK(image_new(10, 1, 1, &ramp, error));
    for (int x = 0; x < 10; x++) ramp.pixels[x] = (unsigned char)(20 * x);
    CHECK(image_resize(&ramp, 40, 3, &out, error));
    for (int x = 0; x < 40; x++) {
        double at = (x + 0.5) / 4 - 0.5;
        CLOSE(out.pixels[40 + x], 20 * (at < 0 ? 0 : at > 9 ? 9 : at), 0.51);
    }
    image_free(&out);
    image_free(&ramp);

    Image board = make_picture(3000, 2, 1, FLAT);           /* shrinking: a fine pattern turns grey */
    for (int i = 0; i < 6000; i++) board.pixels[i] = i % 2 ? 255 : 0;
    CHECK(image_resize(&board, 48, 1, &out, error));
    for (int x = 0; x < 48; x++) CLOSE(out.pixels[x], 127.5, 3);
    image_free(&out);
    CHECK(image_resize(&board, 1, 1, &out, error));
    CLOSE(out.pixels[0], 127.5, 1);
    image_free(&out);
    image_free(&board);

    static const unsigned char edge[8] = { 255, 0, 0, 255, 0, 255, 0, 0 };      /* red beside invisible green */
    Image two = { 2, 1, 4, NULL };
    two.pixels = (unsigned char *)malloc(8);
    memcpy(two.pixels, edge, 8);
    CHECK(image_resize(&two, 1, 1, &out, error));
    CHECK(out.pixels[0] == 255 && out.pixels[1] == 0 && abs(out.pixels[3] - 128) <= 1);
    image_free(&out);
    CHECK(!image_resize(&two, 0, 1, &out, error) && !out.pixels);
    image_free(&two);
}

/* ---- Files ---- */

static char directory[64];

static const char *in_directory(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int count_files(void)
{
    int n = 0;
    DIR *d = opendir(directory);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static void test_files(void)
{
    static const struct { const char *name; int channels; double limit; } files[] = {
        { "a.png", 3, 0 }, { "a.ppm", 3, 0 }, { "a.jpg", 3, 8 }, { "A.JPEG", 3, 8 }, { "a.pgm", 1, 0 },
    };
    Image image = make_picture(50, 40, 3, SMOOTH), grey, back;
    CHECK(image_converted(&image, 1, &grey, error));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        CHECK(image_save(in_directory(files[i].name), &image, NULL, 0, error));
        CHECK(image_load(in_directory(files[i].name), 0, &back, error) && back.channels == files[i].channels);
        CHECK(mean_square(files[i].channels == 1 ? &grey : &image, &back) <= files[i].limit);
        image_free(&back);
    }
    CHECK(count_files() == 5);
    CHECK(!image_save(in_directory("a.bmp"), &image, NULL, 0, error) && strstr(error, ".png"));
    CHECK(!image_save(in_directory("a.png/b.png"), &image, NULL, 0, error));            /* ENOTDIR */
    CHECK(strstr(error, "a.png/b.png: "));
    CHECK(!image_save(in_directory("no/b.png"), &image, NULL, 0, error));
    CHECK(!image_load(in_directory("none.png"), 0, &back, error) && strstr(error, "none.png"));
    CHECK(!image_load(directory, 0, &back, error));
    Image empty = { 0, 0, 0, NULL };
    CHECK(!image_save(in_directory("c.png"), &empty, NULL, 0, error));
    CHECK(mkdir(in_directory("d.png"), 0700) == 0);
    CHECK(!image_save(in_directory("d.png"), &image, NULL, 0, error));                  /* a folder is in the way */
    CHECK(rmdir(in_directory("d.png")) == 0);

    struct rlimit limit, old;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    limit = old;
    limit.rlim_cur = 1000;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    int saved = image_save(in_directory("a.ppm"), &grey, NULL, 0, error);
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK(!saved && strstr(error, "failed"));
    CHECK(count_files() == 5);                              /* nothing half written, and the old file is as it was */
    CHECK(image_load(in_directory("a.ppm"), 0, &back, error) && difference(&image, &back) == 0);
    image_free(&back);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) remove(in_directory(files[i].name));
    image_free(&image);
    image_free(&grey);
}

/* ---- Damage: anything may come out but a memory error; a file cut short must not pass for a whole one ---- */

static void test_truncation(const Sample *s)
{
    Image whole, part;
    int silent = 0;
    if (!image_decode(s->bytes, s->size, 0, &whole, error)) return;
    for (size_t cut = 0; cut < s->size; cut++) {
        unsigned char *copy = (unsigned char *)malloc(cut + 1);         /* ends where memory ends, for the sanitizer */
        memcpy(copy + 1, s->bytes, cut);
        error[0] = 0;
        if (image_decode(copy + 1, cut, 0, &part, error)) silent += difference(&whole, &part) != 0;
        else silent += error[0] == 0;
        image_free(&part);
        image_probe(copy + 1, cut, NULL, NULL, NULL, NULL, error);
        free(copy);
    }
    CHECK_MSG(silent == 0, "%s: %d of its beginnings passed for another picture", s->name, silent);
    image_free(&whole);
}

/* Makes the CRCs of a damaged PNG match again, so that the damage reaches what they protect. */
static void repair_png(unsigned char *bytes, size_t size)
{
    for (size_t at = 8; at + 12 <= size;) {
        size_t length = image_be32(bytes + at);
        if (length > size - 12 - at) break;
        uint32_t crc = slow_crc(bytes + at + 4, length + 4);
        for (size_t i = 0; i < 4; i++) bytes[at + 8 + length + i] = (unsigned char)(crc >> (24 - 8 * i));
        at += 12 + length;
    }
}

static void test_bit_flips(const Sample *s)
{
    int inconsistent = 0;
    for (int round = 0; round < 3000; round++) {
        unsigned char *copy = (unsigned char *)malloc(s->size);
        memcpy(copy, s->bytes, s->size);
        for (uint32_t flips = 1 + random_bits() % 3; flips > 0; flips--)
            copy[random_bits() % s->size] ^= (unsigned char)(1u << random_bits() % 8);
        if (round % 2 && image_png_recognise(copy, s->size)) repair_png(copy, s->size);
        Image image;
        int width, height, channels, ok = image_decode(copy, s->size, 0, &image, error);
        if (ok) inconsistent += !image_probe(copy, s->size, &width, &height, &channels, NULL, error) ||
                                width != image.width || height != image.height || channels != image.channels;
        else inconsistent += image.pixels != NULL;
        image_free(&image);
        free(copy);
    }
    CHECK_MSG(inconsistent == 0, "%s: %d damaged files where probe and decode disagree", s->name, inconsistent);
}

int main(void)
{
    snprintf(directory, sizeof directory, "/tmp/test_image_XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
    test_samples();
    test_orientation();
    test_jpeg_refusals();
    test_png_kinds();
    test_png_damage();
    test_pnm();
    test_bmp();
    test_gif();
    test_png_round_trip();
    test_jpeg_round_trip();
    test_gif_round_trip();
    test_texts();
    test_conversion();
    test_resize();
    test_files();
    for (int i = 0; i < N_SAMPLES; i++) {
        test_truncation(&samples[i]);
        test_bit_flips(&samples[i]);
    }
    rmdir(directory);
    return check_report();
}
