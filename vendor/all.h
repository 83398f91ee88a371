/* all.h: every library of this folder with its code, private to the file that includes it, in an order in which each
 * finds what it builds on.
 *
 *     #define VENDOR_REAL double        before the include, where numbers of pictures and graphs are to be doubles
 *     #include "vendor/all.h"
 *
 * kernels.h's `real` is double where KERNELS_DOUBLE is defined. C11 of gcc or clang; no C++, as it has the code.
 */
#ifndef VENDOR_ALL_H
#define VENDOR_ALL_H

#ifndef VENDOR_REAL
#define VENDOR_REAL float
#endif

#define SCOPE_IMPLEMENTATION
#define SCOPE_STATIC
#include "scope.h"
#define KERNELS_IMPLEMENTATION
#ifndef KERNELS_STATIC
#define KERNELS_STATIC
#endif
#include "kernels.h"
#define ARRAYS_IMPLEMENTATION
#define ARRAYS_STATIC
#include "arrays.h"
#define FACE_IMPLEMENTATION
#define FACE_STATIC
#include "face.h"
#define FILES_IMPLEMENTATION
#define FILES_STATIC
#include "files.h"
#define IMAGE_IMPLEMENTATION
#define IMAGE_STATIC
#define IMAGE_REAL VENDOR_REAL
#include "image.h"
#define HEAPS_IMPLEMENTATION
#define HEAPS_STATIC
#include "heaps.h"
#define TENSORFILE_IMPLEMENTATION
#define TENSORFILE_STATIC
#include "tensorfile.h"
#define PLOT_IMPLEMENTATION
#define PLOT_STATIC
#include "plot.h"
#define PAGE_IMPLEMENTATION
#define PAGE_STATIC
#include "page.h"
#define ONNX_IMPLEMENTATION
#define ONNX_STATIC
#define ONNX_REAL VENDOR_REAL
#include "onnx.h"
#define STATS_IMPLEMENTATION
#define STATS_STATIC
#include "stats.h"
#define VIDEO_IMPLEMENTATION
#define VIDEO_STATIC
#include "video.h"
#define TABLE_IMPLEMENTATION
#define TABLE_STATIC
#include "table.h"
#define PROGRESS_IMPLEMENTATION
#define PROGRESS_STATIC
#include "progress.h"
#define OWNED_IMPLEMENTATION
#define OWNED_STATIC
#include "owned.h"
#define BOXES_IMPLEMENTATION
#define BOXES_STATIC
#include "boxes.h"
#define SCENE_IMPLEMENTATION
#define SCENE_STATIC
#include "scene.h"
#define FIGURES_IMPLEMENTATION
#define FIGURES_STATIC
#include "figures.h"
#define SCORES_IMPLEMENTATION
#define SCORES_STATIC
#include "scores.h"
#define EDITS_IMPLEMENTATION
#define EDITS_STATIC
#include "edits.h"
#define ROOFLINE_IMPLEMENTATION
#define ROOFLINE_STATIC
#include "roofline.h"
#define VARIETY_IMPLEMENTATION
#define VARIETY_STATIC
#define VARIETY_REAL VENDOR_REAL
#include "variety.h"
#define PLACES_IMPLEMENTATION
#define PLACES_STATIC
#include "places.h"
#define OPTIONS_IMPLEMENTATION
#define OPTIONS_STATIC
#include "options.h"
#define DATASET_IMPLEMENTATION
#define DATASET_STATIC
#include "dataset.h"
#define PHOTOS_IMPLEMENTATION
#define PHOTOS_STATIC
#include "photos.h"
#define STOCK_IMPLEMENTATION
#define STOCK_STATIC
#include "stock.h"
#define DOCTOR_IMPLEMENTATION
#define DOCTOR_STATIC
#include "doctor.h"
#define DRAWN_IMPLEMENTATION
#define DRAWN_STATIC
#include "drawn.h"
#define IMPORTING_IMPLEMENTATION
#define IMPORTING_STATIC
#include "importing.h"
#define AHEAD_IMPLEMENTATION
#define AHEAD_STATIC
#include "ahead.h"
#define LOADER_IMPLEMENTATION
#define LOADER_STATIC
#include "loader.h"

#endif
