/* Fuzz target for vendor/table.h: any file may be read, as rows and as numbers; no input may cross a bound. What was
 * read and is printed as CSV must be read again as the same, but for blanks at the ends of fields and where a text begins as a
 * byte order mark.
 *
 *     clang -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined tests/fuzz_table.c -lm -o fuzz_table */
#define TABLE_IMPLEMENTATION
#define TABLE_STATIC
#include "../vendor/table.h"
#include <stdint.h>
#include <unistd.h>

enum { MOST = 16 };

static void write_file(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
}

static int same_field(const char *a, const char *b)
{
    a += strspn(a, " \t\r"), b += strspn(b, " \t\r");
    size_t m = strlen(a), n = strlen(b);
    while (m && strchr(" \t\r", a[m - 1])) m--;
    while (n && strchr(" \t\r", b[n - 1])) n--;
    if (m != n) return 0;
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && !(a[i] == '\r' && b[i] == ' ')) return 0;
    return 1;
}

/* The current row, printed and read again. A row of nothing but blanks is an empty line then. */
static void check_row(const TableReader *row, const char *path)
{
    Table t = table_new(NULL, 0, row->n_fields);
    TableReader again;
    int blank = 1;
    for (int i = 0; i < row->n_fields; i++) {
        table_set(&t, 0, i, "%s", row->fields[i]);
        blank &= row->fields[i][strspn(row->fields[i], " \t\r")] == 0;
    }
    FILE *file = fopen(path, "wb");
    if (!file || !table_print(&t, file, TABLE_CSV) || fclose(file) != 0 || !table_open(&again, path, MOST)) abort();
    bool mark = !strncmp(row->fields[0], "\xEF\xBB\xBF", 3) || !strncmp(row->fields[0], "\xFF\xFE", 2) ||
                !strncmp(row->fields[0], "\xFE\xFF", 2);
    if (!(blank && row->n_fields == 1) && !mark) {
        if (table_next(&again) != 1 || again.n_fields != row->n_fields) abort();
        for (int i = 0; i < row->n_fields; i++)
            if (!same_field(row->fields[i], again.fields[i])) abort();
    }
    table_close(&again), table_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], copy[64], error[TABLE_ERROR];
    TableReader r;
    TableNumbers numbers;
    if (!size) return 0;
    snprintf(path, sizeof path, "/tmp/fuzz_table.%ld.csv", (long)getpid());
    snprintf(copy, sizeof copy, "/tmp/fuzz_table.%ld.copy", (long)getpid());
    write_file(path, data + 1, size - 1);
    int got = table_open(&r, path, MOST);
    r.blanks = data[0] & 1;
    while (got > 0 && (got = table_next(&r)) > 0) check_row(&r, copy);
    if ((got < 0) != (*r.error != 0)) abort();
    table_close(&r);
    if (table_numbers(&numbers, path, MOST, error)) table_numbers_free(&numbers);
    else if (!*error) abort();
    unlink(path), unlink(copy);
    return 0;
}
