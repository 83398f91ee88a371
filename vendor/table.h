/* table.h: tables: comma-separated values (RFC 4180) read row by row or as columns of numbers, and a table printed as
 * aligned text, as CSV or as JSON.
 *
 *     #define TABLE_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "table.h"
 *
 *     TableReader in;
 *     int got = table_open(&in, "labels.csv", 16);
 *     while (got && (got = table_next(&in)) > 0)
 *         use(in.fields, in.n_fields);
 *     if (*in.error) ...                says what is wrong, in which file and line
 *     table_close(&in);
 *
 *     Table out = table_new("Scores", 2, 2);
 *     table_set(&out, 0, 0, "class"), table_set(&out, 0, 1, "F1");          row 0 names the columns
 *     table_set(&out, 1, 0, "happy"), table_set(&out, 1, 1, "%.3f", 0.8);
 *     table_print(&out, stdout, TABLE_TEXT);
 *     table_free(&out);
 *
 * Define TABLE_STATIC as well to keep every function private to that file. Only libc, libm and POSIX are used.
 *
 * What is read:
 *
 *     path,label                               <- a byte order mark before it is dropped
 *     "faces, old/0001.jpg",3                  <- quotes protect commas; "" inside quotes is one quote
 *
 * Lines may end in LF or CRLF, or, where the first does, in CR, and the last in nothing; empty ones are passed over;
 * blanks around a field are dropped. Where the first line has semicolons or tabs and no comma, fields end at these, or
 * they end at what a first line sep=; (Excel's) says. UTF-16 with a byte order mark is read as well. A field cannot
 * contain a line break. Any file may be given: its size in memory is one line of at most a megabyte.
 *
 * If memory runs out while a table is filled, the table remembers it and table_print returns 0.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdio.h>

#ifdef TABLE_STATIC
#define TABLE_API static inline
#elif defined(__cplusplus)
#define TABLE_API extern "C"
#else
#define TABLE_API
#endif

#ifdef __GNUC__
#define TABLE_FORMAT(text, first) __attribute__((format(printf, text, first)))
#else
#define TABLE_FORMAT(text, first)
#endif

enum { TABLE_LINE = 1 << 20, TABLE_ERROR = 600 };

/* ---- reading ---- */

typedef struct {
    FILE *file;
    char *path, *line, **fields;         /* the current row's fields, n_fields of them; they point into the line */
    int n_fields, most, line_number;
    char separator;                      /* of fields, as the first line has it; 0: ',' */
    int wide;                            /* UTF-16: 1 little, 2 big endian */
    int old;                             /* lines end in CR alone, as on an old Macintosh */
    int blanks;                          /* to be set by the caller: fields end at blanks, too */
    int again;                           /* to be set by the caller: the next row is the current one once more */
    char error[TABLE_ERROR];             /* empty while all is well */
} TableReader;

/* Rows may have `most` fields. 0: cannot be opened. Either way the reader must be closed. */
TABLE_API int table_open(TableReader *r, const char *path, int most);
TABLE_API void table_close(TableReader *r);

/* Reads the next line that is not empty into fields: 1 read, 0 the end, -1 an error. */
TABLE_API int table_next(TableReader *r);

/* Takes `text`, which is cut up, for the current row. */
TABLE_API int table_split(TableReader *r, char *text);

/* A file of numbers under a row of names, as columns; what is no number is NaN. 0, and the error, on failure. */
typedef struct {
    char **names;
    double **columns;
    int n_columns;
    size_t rows, room;
} TableNumbers;
TABLE_API int table_numbers(TableNumbers *numbers, const char *path, int most, char error[TABLE_ERROR]);
TABLE_API void table_numbers_free(TableNumbers *numbers);

/* The column of that name; NULL: there is none. */
TABLE_API const double *table_column(const TableNumbers *numbers, const char *name);

/* The last number of that column; NaN: it has none, or there is no such column. */
TABLE_API double table_last(const TableNumbers *numbers, const char *name);

/* ---- a line of numbers that grows ---- */

/* A row of a file of numbers as it is put together, and the row of names above it. Begins as zeros. */
typedef struct { char names[8192], numbers[8192]; } TableLine;

/* Adds a column. One that is not known is empty. */
TABLE_API void table_add_number(TableLine *line, int known, const char *name, const char *format, double value);

/* ---- printing ---- */

typedef struct {
    const char *title;                   /* NULL: none */
    int rows, columns;                   /* the row of names not counted */
    char **cells;                        /* (rows + 1, columns); NULL is empty, and null in JSON */
    const char *const *layout;           /* how text is printed: a format with one %s a column; NULL: two blanks, as
                                            wide as the widest cell, the first column left and the others right */
    int failed;
} Table;

enum { TABLE_TEXT, TABLE_CSV, TABLE_JSON };

/* `title` must outlive the table. */
TABLE_API Table table_new(const char *title, int rows, int columns);
TABLE_API void table_free(Table *t);

/* A number that is none (NaN) or has no end leaves the cell empty: null in JSON. A text may say "nan". */
TABLE_API void table_set(Table *t, int row, int column, const char *format, ...) TABLE_FORMAT(4, 5);

/* A whole row, its cells parted by tabs: table_row(&t, 1, "%s\t%.3f", name, score). What is missing stays as it is; a
 * cell that is a number alone, but none or without end, becomes empty. */
TABLE_API void table_row(Table *t, int row, const char *format, ...) TABLE_FORMAT(3, 4);

/* Names the columns. */
TABLE_API void table_names(Table *t, const char *const *names);

/* Text has the title before it; CSV has not; JSON is an array of objects, in which cells that are numbers are numbers.
 * 0: the table or the file failed. */
TABLE_API int table_print(const Table *t, FILE *to, int form);

/* One row of it, 0 being the names: for tables that are printed as they grow. TABLE_TEXT needs a layout. */
TABLE_API void table_print_row(const Table *t, FILE *to, int form, int row);

/* A field of CSV: quoted where it must be. A line break becomes a blank: fields have none here. */
TABLE_API void table_field(FILE *to, const char *text);

/* A string of JSON, U+FFFD for each byte that is not UTF-8; a number of it with five decimals, or null. */
TABLE_API void table_string(FILE *to, const char *text);
TABLE_API void table_number(FILE *to, double x);

/* JSON by a format: %q a string in quotes, %r a double as table_number writes it, %2r with two decimals, %d an int, %l
 * a long, %s a text as it is; %Q and %L a list of texts or longs, after its length: ["a", "b"], [1, 2].
 *
 *     table_json(stdout, "{\"file\": %q, \"score\": %r}\n", path, 0.5); */
TABLE_API void table_json(FILE *to, const char *format, ...);

#endif /* TABLE_H */

#if defined(TABLE_IMPLEMENTATION) && !defined(TABLE_IMPLEMENTED)
#define TABLE_IMPLEMENTED

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------------------------
 * 1  Rows of fields
 * ------------------------------------------------------------------------------------------------------------- */

#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
static int table_fail(TableReader *r, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->error, sizeof r->error, format, arguments);
    va_end(arguments);
    return 0;
}

static char *table_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

/* To open a pipe or a device could wait for ever, and reading it too. NULL with EINVAL: that is what it is. */
static FILE *table_file(const char *path)
{
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return NULL;
    bool known = fstat(descriptor, &status) == 0;
    if (known && !S_ISREG(status.st_mode)) errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    FILE *file = known && S_ISREG(status.st_mode) ? fdopen(descriptor, "rb") : NULL;
    int cause = errno;
    if (!file) close(descriptor);
    errno = cause;
    return file;
}

TABLE_API int table_open(TableReader *r, const char *path, int most)
{
    *r = (TableReader){.most = most, .path = table_copy(path), .line = calloc(TABLE_LINE, 1)};
    r->fields = calloc((size_t)most + 1, sizeof *r->fields);
    r->file = table_file(path);
    if (!r->file) return table_fail(r, "%s: %s", path, errno == EINVAL ? "no regular file" : strerror(errno));
    return r->path && r->line && r->fields ? 1 : table_fail(r, "%s: out of memory", path);
}

TABLE_API void table_close(TableReader *r)
{
    if (r->file) fclose(r->file);
    free(r->path), free(r->line), free(r->fields);
    r->file = NULL, r->path = r->line = NULL, r->fields = NULL;
}

/* The field that begins with a quote at `at`, in place; returns where it ended, NULL if it did not. */
static char *table_unquote(char *at)
{
    char *to = at++;
    for (; *at && (*at != '"' || at[1] == '"'); at++) {
        if (*at == '"') at++;
        *to++ = *at;
    }
    if (!*at) return NULL;
    *to = 0;
    return at + 1;
}

/* Cuts one field out of the line in place and returns what follows: NULL after the last field or on an open quote. */
static char *table_cut(const TableReader *r, char *at, char **field)
{
    const char ends[] = {r->separator ? r->separator : ',', r->blanks ? ' ' : 0, '\t', 0};
    *field = at += strspn(at, " \t");
    if (*at != '"') {
        char *end = at + strcspn(at, ends), *last = end;
        while (last > at && (last[-1] == ' ' || last[-1] == '\t')) last--;
        char *next = *end ? end + 1 : NULL;
        *last = 0;
        return next;
    }
    char *end = table_unquote(at);
    if (end) end += strspn(end, " \t");
    if (!end || (*end && !strchr(ends, *end))) *field = NULL;
    return end && *end ? end + 1 : NULL;
}

TABLE_API int table_split(TableReader *r, char *at)
{
    r->n_fields = 0;
    while (at) {
        if (r->n_fields == r->most)
            return table_fail(r, "%s, line %d: more than %d fields", r->path, r->line_number, r->most);
        at = table_cut(r, at, &r->fields[r->n_fields]);
        if (!r->fields[r->n_fields++])
            return table_fail(r, "%s, line %d: a quote (\") is not closed, or text follows a closed one", r->path,
                              r->line_number);
        if (at && r->blanks && !at[strspn(at, " \t")]) at = NULL;
    }
    return 1;
}

/* One number of UTF-16, or one byte; or EOF. */
static int table_unit(const TableReader *r)
{
    int first = getc(r->file), second = first == EOF || !r->wide ? EOF : getc(r->file);
    return !r->wide ? first : second == EOF ? EOF : r->wide == 1 ? first | second << 8 : first << 8 | second;
}

/* Appends a character as UTF-8. */
static void table_append(char *line, size_t *used, unsigned code)
{
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[4] = {0, 0xC0, 0xE0, 0xF0};
    line[(*used)++] = (char)(lead[more] | code >> 6 * more);
    while (more-- > 0) line[(*used)++] = (char)(0x80 | (code >> 6 * more & 0x3F));
}

/* A line of UTF-16, or one that ends in CR, as fgets would read it were it UTF-8 and ended in LF. */
static char *table_odd_line(TableReader *r)
{
    size_t used = 0;
    for (int unit; used + 5 < TABLE_LINE && (unit = table_unit(r)) != EOF;) {
        unsigned code = r->old && unit == '\r' ? '\n' : (unsigned)unit;
        if (unit >= 0xD800 && unit < 0xDC00 && (unit = table_unit(r)) != EOF)
            code = 0x10000 + ((code & 0x3FF) << 10 | ((unsigned)unit & 0x3FF));
        if (r->wide) table_append(r->line, &used, code);
        else r->line[used++] = (char)code;
        if (code == '\n') break;
    }
    r->line[used] = 0;
    return used ? r->line : NULL;
}

/* Before the first line: how characters are written, and what lines end in. After it: what its fields end at. */
static void table_look(TableReader *r)
{
    int first = getc(r->file), second = getc(r->file), unit = 0;
    r->wide = first == 0xFF && second == 0xFE ? 1 : first == 0xFE && second == 0xFF ? 2 : 0;
    if (!r->wide) rewind(r->file);
    for (int i = 0; i < TABLE_LINE && unit != EOF && unit != '\n' && unit != '\r'; i++) unit = table_unit(r);
    bool ends = unit == '\r';
    while (unit == '\r') unit = table_unit(r);           /* CR CR LF is what Windows makes of CR LF, written as text */
    r->old = ends && unit != '\n' && unit != EOF;
    fseek(r->file, r->wide ? 2 : 0, SEEK_SET);
}

static char *table_line(TableReader *r)
{
    if (r->line_number == 0 && !r->wide) table_look(r);
    return r->wide || r->old ? table_odd_line(r) : fgets(r->line, TABLE_LINE, r->file);
}

/* Excel's first line, which only says what the fields end at. Where it is a tab, the next line shows the same. */
static bool table_says_separator(TableReader *r, const char *line)
{
    bool says = r->line_number == 1 && strncasecmp(line, "sep=", 4) == 0 && strlen(line) < 6;
    if (says) r->separator = line[4];
    return says;
}

/* A comma, else a semicolon, else a tab, whichever stands in the line outside of quotes. */
static char table_separator(const char *line)
{
    bool semicolon = false, tab = false, quoted = false, begins = true;         /* begins: a field does here */
    for (; *line && (quoted || *line != ','); line++) {
        if (quoted && line[0] == '"' && line[1] == '"') { line++; continue; }
        if (*line == '"' && (quoted || begins)) quoted = !quoted;
        semicolon |= !quoted && *line == ';';
        tab |= !quoted && *line == '\t';
        begins = *line == ';' || *line == '\t' || (begins && *line == ' ');
    }
    return *line ? ',' : semicolon ? ';' : tab ? '\t' : ',';
}

TABLE_API int table_next(TableReader *r)
{
    if (r->again) { r->again = 0; return 1; }
    while (table_line(r)) {
        r->line_number++;
        size_t length = strlen(r->line);
        if ((length == 0 || r->line[length - 1] != '\n') && (!feof(r->file) || length == 0))
            return table_fail(r, "%s, line %d: longer than %d bytes, or holds a zero byte; is this a plain (UTF-8) "
                              "text file?", r->path, r->line_number, TABLE_LINE) - 1;
        while (length && strchr("\r\n \t", r->line[length - 1])) r->line[--length] = 0;
        char *at = r->line;
        if (r->line_number == 1 && strncmp(at, "\xEF\xBB\xBF", 3) == 0) at += 3;
        if (table_says_separator(r, at)) continue;
        if (*at && !r->separator) r->separator = table_separator(at);
        if (*at) return table_split(r, at) ? 1 : -1;
    }
    return ferror(r->file) ? table_fail(r, "%s, after line %d: %s", r->path, r->line_number, strerror(errno)) - 1 : 0;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 2  Columns of numbers
 * ------------------------------------------------------------------------------------------------------------- */

static int table_numbers_names(TableNumbers *n, const TableReader *r)
{
    n->names = calloc((size_t)r->n_fields, sizeof *n->names);
    n->columns = calloc((size_t)r->n_fields, sizeof *n->columns);
    if (!n->names || !n->columns) return 0;
    for (; n->n_columns < r->n_fields; n->n_columns++)
        if (!(n->names[n->n_columns] = table_copy(r->fields[n->n_columns]))) return 0;
    return 1;
}

static int table_numbers_row(TableNumbers *n, const TableReader *r)
{
    if (n->rows == n->room) {
        n->room = n->room ? 2 * n->room : 1024;
        for (int i = 0; i < n->n_columns; i++) {
            double *longer = realloc(n->columns[i], n->room * sizeof *longer);
            if (!longer) return 0;
            n->columns[i] = longer;
        }
    }
    for (int i = 0; i < n->n_columns; i++) {
        char *end = NULL;
        double value = i < r->n_fields ? strtod(r->fields[i], &end) : NAN;
        n->columns[i][n->rows] = end && end != r->fields[i] ? value : NAN;
    }
    n->rows++;
    return 1;
}

TABLE_API int table_numbers(TableNumbers *n, const char *path, int most, char error[TABLE_ERROR])
{
    TableReader r;
    *n = (TableNumbers){0};
    int ok = table_open(&r, path, most), got = 0;
    while (ok && (got = table_next(&r)) > 0) {
        ok = n->names ? table_numbers_row(n, &r) : table_numbers_names(n, &r);
        if (!ok) table_fail(&r, "%s: out of memory", path);
    }
    snprintf(error, TABLE_ERROR, "%s", r.error);
    table_close(&r);
    if (ok && got == 0) return 1;
    table_numbers_free(n);
    return 0;
}

TABLE_API void table_numbers_free(TableNumbers *n)
{
    for (int i = 0; i < n->n_columns; i++) free(n->names[i]), free(n->columns[i]);
    free(n->names), free(n->columns);
    *n = (TableNumbers){0};
}

TABLE_API const double *table_column(const TableNumbers *n, const char *name)
{
    for (int i = 0; i < n->n_columns; i++)
        if (strcmp(n->names[i], name) == 0) return n->columns[i];
    return NULL;
}

TABLE_API double table_last(const TableNumbers *numbers, const char *name)
{
    const double *column = table_column(numbers, name);
    size_t row = column ? numbers->rows : 0;
    while (row > 0 && !isfinite(column[row - 1])) row--;
    return row > 0 ? column[row - 1] : NAN;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 3  Pieces of CSV and JSON
 * ------------------------------------------------------------------------------------------------------------- */

TABLE_API void table_field(FILE *to, const char *text)
{
    if (!strpbrk(text, ",;\t\"\r\n")) { fputs(text, to); return; }
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"') putc('"', to);
        putc(strchr("\r\n", *text) ? ' ' : *text, to);
    }
    putc('"', to);
}

/* Bytes of the character that begins at `at`, if it is one of UTF-8 (RFC 3629), else 0. */
static int table_character(const unsigned char *at)
{
    int more = at[0] < 0x80 ? 0 : at[0] >= 0xC2 && at[0] < 0xE0 ? 1 : (at[0] & 0xF0) == 0xE0 ? 2 :
               at[0] >= 0xF0 && at[0] < 0xF5 ? 3 : -1;
    for (int i = 1; i <= more; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    bool longer = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);       /* than it must be */
    bool none = (at[0] == 0xED && at[1] >= 0xA0) || (at[0] == 0xF4 && at[1] >= 0x90);
    return longer || none ? 0 : more + 1;
}

TABLE_API void table_string(FILE *to, const char *text)
{
    putc('"', to);
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        int bytes = table_character(c);
        if (*c == '"' || *c == '\\') fprintf(to, "\\%c", *c);
        else if (*c < 32) fprintf(to, "\\u%04x", *c);
        else if (bytes) fwrite(c, 1, (size_t)bytes, to);
        else fputs("\\ufffd", to);
        c += bytes ? bytes : 1;
    }
    putc('"', to);
}

static void table_decimals(FILE *to, double x, int decimals)
{
    if (isfinite(x)) fprintf(to, "%.*f", decimals, x);
    else fputs("null", to);
}

TABLE_API void table_number(FILE *to, double x) { table_decimals(to, x, 5); }

static void table_list(FILE *to, int n, const char *const *texts, const long *numbers)
{
    for (int i = 0; i < n; i++) {
        fputs(i ? ", " : "[", to);
        if (texts) table_string(to, texts[i]);
        else fprintf(to, "%ld", numbers[i]);
    }
    fputs(n > 0 ? "]" : "[]", to);
}

TABLE_API void table_json(FILE *to, const char *format, ...)
{
    int n;
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%') { putc(*format, to); continue; }
        int decimals = format[1] >= '0' && format[1] <= '9' ? *++format - '0' : 5;
        switch (*++format) {
        case 'q': table_string(to, va_arg(arguments, const char *)); break;
        case 'r': table_decimals(to, va_arg(arguments, double), decimals); break;
        case 'd': fprintf(to, "%d", va_arg(arguments, int)); break;
        case 'l': fprintf(to, "%ld", va_arg(arguments, long)); break;
        case 's': fputs(va_arg(arguments, const char *), to); break;
        case 'Q': n = va_arg(arguments, int), table_list(to, n, va_arg(arguments, const char *const *), NULL); break;
        case 'L': n = va_arg(arguments, int), table_list(to, n, NULL, va_arg(arguments, const long *)); break;
        default: abort();                                       /* no such letter */
        }
    }
    va_end(arguments);
}

/* Is it a number as JSON writes it (RFC 8259, section 6)? */
static int table_is_number(const char *text)
{
    text += *text == '-';
    size_t whole = strspn(text, "0123456789");
    if (!whole || (whole > 1 && *text == '0')) return 0;
    text += whole;
    if (*text == '.') {
        size_t digits = strspn(text + 1, "0123456789");
        if (!digits) return 0;
        text += 1 + digits;
    }
    if (*text == 'e' || *text == 'E') {
        text += 1 + (text[1] == '+' || text[1] == '-');
        size_t digits = strspn(text, "0123456789");
        if (!digits) return 0;
        text += digits;
    }
    return !*text;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 4  Tables
 * ------------------------------------------------------------------------------------------------------------- */

TABLE_API Table table_new(const char *title, int rows, int columns)
{
    Table t = {.title = title, .rows = rows, .columns = columns};
    t.cells = calloc(((size_t)rows + 1) * (size_t)columns + 1, sizeof *t.cells);
    t.failed = !t.cells;
    return t;
}

TABLE_API void table_free(Table *t)
{
    for (size_t i = 0; t->cells && i < ((size_t)t->rows + 1) * (size_t)t->columns; i++) free(t->cells[i]);
    free(t->cells);
    *t = (Table){0};
}

/* Does the format, up to its first tab, print a floating-point number, and did that come out as "nan", "-inf" or the
 * like? */
static bool table_is_no_number(const char *format, const char *text)
{
    bool number = false;
    for (const char *at = format; *at && *at != '\t' && !number; at++)
        if (*at == '%') {
            at += 1 + strspn(at + 1, "-+ #0123456789.*lL");
            if (!*at) break;
            number = strchr("eEfFgGaA", *at) != NULL;
        }
    text += strspn(text, " +-");
    return number && (strncmp(text, "nan", 3) == 0 || strncmp(text, "inf", 3) == 0);
}

TABLE_API void table_set(Table *t, int row, int column, const char *format, ...)
{
    va_list arguments, again;
    if (t->failed) return;
    char **cell = &t->cells[(size_t)row * (size_t)t->columns + (size_t)column];
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    free(*cell);
    *cell = length < 0 ? NULL : malloc((size_t)length + 1);
    if (*cell) vsnprintf(*cell, (size_t)length + 1, format, again);
    else t->failed = 1;
    if (*cell && table_is_no_number(format, *cell)) free(*cell), *cell = NULL;
    va_end(again);
}

TABLE_API void table_row(Table *t, int row, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1), *at = text;
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    t->failed |= !text;
    for (int k = 0; at && k < t->columns; k++) {
        char *end = strchr(at, '\t');
        if (end) *end++ = 0;
        const char *piece = format;
        format += strcspn(format, "\t"), format += *format == '\t';
        if (table_is_no_number(piece, at)) table_set(t, row, k, "%g", NAN);
        else table_set(t, row, k, "%s", at);
        at = end;
    }
    free(text);
}

TABLE_API void table_names(Table *t, const char *const *names)
{
    for (int k = 0; k < t->columns; k++) table_set(t, 0, k, "%s", names[k]);
}

static const char *table_cell(const Table *t, int row, int column)
{
    const char *cell = t->cells[(size_t)row * (size_t)t->columns + (size_t)column];
    return cell ? cell : "";
}

static void table_print_object(const Table *t, FILE *to, int row)
{
    putc('{', to);
    for (int k = 0; k < t->columns; k++) {
        const char *cell = table_cell(t, row, k);
        if (k) fputs(", ", to);
        table_string(to, table_cell(t, 0, k));
        fputs(": ", to);
        if (!t->cells[(size_t)row * (size_t)t->columns + (size_t)k]) fputs("null", to);
        else if (table_is_number(cell)) fputs(cell, to);
        else table_string(to, cell);
    }
    putc('}', to);
}

TABLE_API void table_print_row(const Table *t, FILE *to, int form, int row)
{
    if (form == TABLE_JSON) { table_print_object(t, to, row); return; }
    for (int k = 0; k < t->columns; k++) {
        if (form == TABLE_TEXT) { fprintf(to, t->layout[k], table_cell(t, row, k)); continue; }
        if (k) putc(',', to);
        table_field(to, table_cell(t, row, k));
    }
    putc('\n', to);
}

static void table_print_aligned(const Table *t, FILE *to, int row, const int *widths)
{
    for (int k = 0; k < t->columns; k++) fprintf(to, "  %*s", k ? widths[k] : -widths[k], table_cell(t, row, k));
    putc('\n', to);
}

/* Text as wide as its cells. */
static int table_print_text(const Table *t, FILE *to)
{
    int *widths = calloc((size_t)t->columns + 1, sizeof *widths);
    if (!widths) return 0;
    for (int row = 0; row <= t->rows; row++)
        for (int k = 0; k < t->columns; k++) {
            int length = (int)strlen(table_cell(t, row, k));
            if (length > widths[k]) widths[k] = length;
        }
    for (int row = 0; row <= t->rows; row++) table_print_aligned(t, to, row, widths);
    free(widths);
    return 1;
}

TABLE_API int table_print(const Table *t, FILE *to, int form)
{
    if (t->failed) return 0;
    if (form == TABLE_TEXT && t->title) fprintf(to, "\n%s\n\n", t->title);
    if (form == TABLE_TEXT && !t->layout) {
        if (!table_print_text(t, to)) return 0;
    } else if (form == TABLE_JSON) {
        for (int row = 1; row <= t->rows; row++) fputs(row > 1 ? ",\n " : "[", to), table_print_object(t, to, row);
        fputs(t->rows > 0 ? "]\n" : "[]\n", to);
    } else {
        for (int row = 0; row <= t->rows; row++) table_print_row(t, to, form, row);
    }
    return fflush(to) == 0;
}


TABLE_API void table_add_number(TableLine *line, int known, const char *name, const char *format, double value)
{
    size_t named = strlen(line->names), used = strlen(line->numbers);
    const char *comma = named ? "," : "";
    snprintf(line->names + named, sizeof line->names - named, "%s%s", comma, name);
    snprintf(line->numbers + used, sizeof line->numbers - used, "%s", comma);
    used = strlen(line->numbers);
    if (known) snprintf(line->numbers + used, sizeof line->numbers - used, format, value);
}

#endif /* TABLE_IMPLEMENTATION */
