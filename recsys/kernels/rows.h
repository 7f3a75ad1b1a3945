/* Rows of a ragged table, added up: votes of items and of customers. */
#pragma once
#include "vectors.h"

#define SAMPLE 256 /* places of a mask that are looked at */
#define NARROW 8   /* a mask is narrow if under 1/8 of the items are wanted */

typedef struct {
    const npy_int64 *offsets;
    const npy_int32 *place;
    const float *value;
} Ragged;

/* Sorts rows by falling position, a byte of it at a time, without a call for each comparison.  room: for as many. */
static void sort_falling(Scored *rows, npy_intp n, Scored *room) {
    Scored *from = rows, *to = room;
    for (int shift = 0; n > 1 && shift < 32; shift += 8) {
        npy_intp next[256] = {0}, start = 0;
        for (npy_intp at = 0; at < n; at++) next[255 - (from[at].item >> shift & 255)]++;
        if (next[255 - (from[0].item >> shift & 255)] == n) continue; /* all have the same byte */
        for (int byte = 0; byte < 256; byte++) {
            npy_intp n_here = next[byte];
            next[byte] = start;
            start += n_here;
        }
        for (npy_intp at = 0; at < n; at++) to[next[255 - (from[at].item >> shift & 255)]++] = from[at];
        Scored *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != rows) memcpy(rows, from, n * sizeof *rows);
}

/* Whether a mask leaves few items, from a sample of it. */
static int is_narrow(const npy_bool *mask, npy_intp n) {
    npy_intp step = n / SAMPLE + 1, n_wanted = 0;
    for (npy_intp at = 0; at < n; at += step) n_wanted += mask[at];
    return n_wanted * NARROW * step < n;
}

#define ROWS_AHEAD 2 /* of which the cells are asked for from memory in advance */

static inline void ask_for_row(Ragged table, npy_int32 row, int with_values) {
    npy_int64 end = table.offsets[row + 1];
    for (npy_int64 cell = table.offsets[row]; cell < end; cell += 16) { /* numbers of a line of memory */
        __builtin_prefetch(table.place + cell);
        if (with_values) __builtin_prefetch(table.value + cell);
    }
}

/* Adds the rows, each times its weight, to n_sums sums that are 0, highest row first as `add_weighted_rows` does.
 * mask: places that are not needed may be left out; NULL without.  touched: the places, each at least once; NULL where
 * they are about all.  Returns how many those are; -1 with an error set. */
static npy_intp add_rows(
    const Scored *rows, npy_intp n_rows, Ragged table, float *sums, npy_intp n_sums, const npy_bool *mask,
    npy_int32 **touched
) {
    npy_intp n = 0, most = 1;
    for (npy_intp at = 0; at < n_rows; at++) most += table.offsets[rows[at].item + 1] - table.offsets[rows[at].item];
    int is_dense = most > 2 * n_sums;
    *touched = NULL;
    if (!is_dense && (*touched = scratch(&touched_memory, most * sizeof **touched)) == NULL) return -1;
    if (mask != NULL && !is_narrow(mask, n_sums)) mask = NULL;
    for (npy_intp at = 0; at < n_rows; at++) {
        float weight = rows[at].score;
        npy_int64 cell = table.offsets[rows[at].item], end = table.offsets[rows[at].item + 1];
        if (at + ROWS_AHEAD < n_rows) ask_for_row(table, rows[at + ROWS_AHEAD].item, mask == NULL);
        if (is_dense) {
            for (; cell < end; cell++) sums[table.place[cell]] += weight * table.value[cell];
            continue;
        }
        if (mask != NULL) {
            npy_int32 *wanted = *touched + n; /* at most as many as cells so far: there is room */
            npy_intp n_wanted = 0;
            const npy_int32 *place = table.place + cell;
            for (npy_intp to = 0; to < end - cell; to++) { /* without a branch: a processor cannot foretell it */
                wanted[n_wanted] = (npy_int32)to;
                n_wanted += mask[place[to]];
            }
            for (npy_intp to = 0; to < n_wanted; to++) {
                npy_int64 mine = cell + wanted[to];
                float before = sums[table.place[mine]];
                (*touched)[n] = table.place[mine];
                n += before == 0;
                sums[table.place[mine]] = before + weight * table.value[mine];
            }
            continue;
        }
        for (; cell < end; cell++) {
            npy_int32 place = table.place[cell];
            float before = sums[place];
            (*touched)[n] = place;
            n += before == 0;
            sums[place] = before + weight * table.value[cell];
        }
    }
    return is_dense ? n_sums : n;
}

/* The rows and their weights, highest row first; most come rising, in the order of a history. */
static Scored *sorted_rows(const Array *rows, const float *weight) {
    Scored *sorted = scratch(&rows_memory, 2 * (rows->n + 1) * sizeof *sorted);
    if (sorted == NULL) return NULL;
    const npy_int32 *row = rows->data;
    int is_rising = 1;
    for (npy_intp at = 0; at < rows->n; at++) {
        sorted[rows->n - 1 - at] = (Scored){weight[at], row[at]};
        is_rising &= at == 0 || row[at] > row[at - 1];
    }
    if (!is_rising) sort_falling(sorted, rows->n, sorted + rows->n);
    return sorted;
}

/* The k best above 0 of the mask by the sum of the weighted rows. */
static PyObject *best_sums(const Scored *sorted, npy_intp n_rows, Ragged table, const Array *mask, npy_intp k) {
    npy_int32 *touched;
    Best best;
    float *sums = scratch(&sums_memory, (mask->n + 1) * sizeof *sums);
    if (sorted == NULL || sums == NULL || !begin_best(&best, k < mask->n ? k : mask->n)) return NULL;
    npy_intp n = add_rows(sorted, n_rows, table, sums, mask->n, mask->data, &touched);
    if (n < 0) return NULL;
    const npy_bool *is_wanted = mask->data;
    for (npy_intp at = 0; at < n; at++) {
        npy_int32 item = touched ? touched[at] : (npy_int32)at;
        float score = sums[item];
        sums[item] = 0; /* for the next call, and so that a place that is touched twice counts once */
        if (score > 0 && score >= bar(&best) && is_wanted[item]) offer(&best, score, item);
    }
    return columns_of(&best);
}

/* rows (P,), weight (P,), table (offsets, place, value), mask (I,), k -> items, scores: `best_sums`. */
static PyObject *best_of_rows(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(7);
    ARRAY(0, NPY_INT32, rows);
    ARRAY(1, NPY_FLOAT32, weights);
    ARRAY(2, NPY_INT64, offsets);
    ARRAY(3, NPY_INT32, places);
    ARRAY(4, NPY_FLOAT32, values);
    ARRAY(5, NPY_BOOL, mask);
    COUNT(6, k);
    if (!same_length(rows.n, weights.n) || !in_range(&rows, offsets.n - 1)) return NULL;
    return best_sums(sorted_rows(&rows, weights.data), rows.n, (Ragged){offsets.data, places.data, values.data}, &mask, k);
}

/* item (P,), weight (P,), most, saturation, votes (offsets, place, value), mask (I,), k -> items, scores: `best_sums` of
 * the `most` heaviest items, as `VotingModel.score` reads a history. */
static PyObject *best_of_votes(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(9);
    ARRAY(0, NPY_INT32, items);
    ARRAY(1, NPY_FLOAT32, weights);
    COUNT(2, most);
    NUMBER(3, saturation);
    ARRAY(4, NPY_INT64, offsets);
    ARRAY(5, NPY_INT32, places);
    ARRAY(6, NPY_FLOAT32, values);
    ARRAY(7, NPY_BOOL, mask);
    COUNT(8, k);
    if (!same_length(items.n, weights.n) || !in_range(&items, offsets.n - 1)) return NULL;
    Scored *sorted;
    npy_intp n = items.n;
    if (n > most) {
        Best heaviest;
        if (!begin_best(&heaviest, most)) return NULL;
        for (npy_intp at = 0; at < items.n; at++) offer(&heaviest, fabsf(((float *)weights.data)[at]), (npy_int32)at);
        n = heaviest.n;
        if ((sorted = scratch(&rows_memory, 2 * (n + 1) * sizeof *sorted)) == NULL) return NULL;
        for (npy_intp at = 0; at < n; at++) {
            npy_int32 place = heaviest.heap[at].item;
            sorted[at] = (Scored){((float *)weights.data)[place], ((npy_int32 *)items.data)[place]};
        }
        sort_falling(sorted, n, sorted + n);
    } else if ((sorted = sorted_rows(&items, weights.data)) == NULL) return NULL;
    for (npy_intp at = 0; at < n; at++) sorted[at].score = saturated(sorted[at].score, saturation);
    return best_sums(sorted, n, (Ragged){offsets.data, places.data, values.data}, &mask, k);
}

/* item (P,), weight (P,), item_weight (I,), saturation, most, table of owners, squares (U,) or None, n_users, k,
 * closeness -> near, share: `UserNeighboursModel._voters`. */
static PyObject *voters(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(12);
    ARRAY(0, NPY_INT32, items);
    ARRAY(1, NPY_FLOAT32, weights);
    ARRAY(2, NPY_FLOAT32, item_weight);
    NUMBER(3, saturation);
    COUNT(4, most);
    ARRAY(5, NPY_INT64, offsets);
    ARRAY(6, NPY_INT32, owners);
    ARRAY(7, NPY_FLOAT32, shares);
    OPTIONAL(8, NPY_FLOAT32, squares);
    COUNT(9, n_users);
    COUNT(10, k);
    NUMBER(11, closeness);
    if (!same_length(items.n, weights.n) || !in_range(&items, item_weight.n) || !in_range(&items, offsets.n - 1)) return NULL;
    Best heaviest, best;
    float *strength = scratch(&columns_memory, (items.n + 1) * sizeof *strength);
    if (strength == NULL || !begin_best(&heaviest, most < items.n ? most : items.n)) return NULL;
    const npy_int32 *item = items.data;
    for (npy_intp at = 0; at < items.n; at++)
        strength[at] = saturated(((float *)weights.data)[at], saturation) * ((float *)item_weight.data)[item[at]];
    float least = bound_of_best(strength, items.n, heaviest.most);
    for (npy_intp at = 0; at < items.n; at++)
        if (strength[at] >= least) offer(&heaviest, strength[at], item[at]);
    Scored *rows = scratch(&rows_memory, 2 * (heaviest.n + 1) * sizeof *rows);
    float *sums = scratch(&sums_memory, (n_users + 1) * sizeof *sums), square = 0;
    npy_int32 *touched;
    if (rows == NULL || sums == NULL) return NULL;
    memcpy(rows, heaviest.heap, heaviest.n * sizeof *rows);
    sort_falling(rows, heaviest.n, rows + heaviest.n);
    for (npy_intp at = 0; at < heaviest.n; at++) square += rows[at].score * rows[at].score;
    if (!begin_best(&best, k < n_users ? k : n_users)) return NULL;
    npy_intp n = add_rows(rows, heaviest.n, (Ragged){offsets.data, owners.data, shares.data}, sums, n_users, NULL, &touched);
    if (n < 0) return NULL;
    least = touched == NULL && squares.data == NULL ? bound_of_best(sums, n_users, best.most) : 0;
    for (npy_intp at = 0; at < n; at++) {
        npy_int32 user = touched ? touched[at] : (npy_int32)at;
        float near = sums[user];
        sums[user] = 0;
        if (squares.data != NULL) {
            float either = ((float *)squares.data)[user] + (square - near);
            near /= either > 1.17549435e-38f ? either : 1.17549435e-38f;
        }
        if (near > 0 && near >= least && near >= bar(&best)) offer(&best, near, user);
    }
    PyObject *columns = columns_of(&best);
    if (columns == NULL || !best.n) return columns;
    float *share = PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(columns, 1)), total = 0;
    if (closeness != 1)
        for (npy_intp at = 0; at < best.n; at++) share[at] = powf(share[at], (float)closeness);
    for (npy_intp at = 0; at < best.n; at++) total += share[at];
    for (npy_intp at = 0; at < best.n; at++) share[at] /= total;
    return columns;
}

/* A list of items, the liked ones (P,) and how much, (P,) or None, which of all may be named, (I,) or None, a table
 * (offsets, neighbour), its items, most -> a list: `nearest_liked`. */
static PyObject *nearest_liked(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(8);
    ARRAY(1, NPY_INT32, liked);
    OPTIONAL(2, NPY_FLOAT32, weights);
    OPTIONAL(3, NPY_BOOL, mask);
    ARRAY(4, NPY_INT64, offsets);
    ARRAY(5, NPY_INT32, neighbours);
    COUNT(6, n_items);
    COUNT(7, most);
    if (weights.data && !same_length(liked.n, weights.n)) return NULL;
    if (mask.data && !in_range(&liked, mask.n)) return NULL;
    if (!PyList_Check(args[0]) || !in_range(&liked, n_items)) return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "no list");
    npy_uint64 *is_liked = scratch(&touched_memory, (n_items / 64 + 1) * sizeof *is_liked);
    Py_ssize_t n = PyList_GET_SIZE(args[0]);
    PyObject *nearest = is_liked == NULL ? NULL : PyList_New(n);
    if (nearest == NULL) return NULL;
    const npy_int32 *like = liked.data, *neighbour = neighbours.data;
    const npy_int64 *offset = offsets.data;
    memset(is_liked, 0, (n_items / 64 + 1) * sizeof *is_liked);
    for (npy_intp at = 0; at < liked.n; at++) {
        if (weights.data && !(((float *)weights.data)[at] > 0)) continue;
        if (mask.data && !((npy_bool *)mask.data)[like[at]]) continue;
        is_liked[like[at] / 64] |= 1ULL << like[at] % 64;
    }
    for (Py_ssize_t at = 0; at < n; at++) {
        Py_ssize_t item = PyLong_AsSsize_t(PyList_GET_ITEM(args[0], at));
        if (item < 0 || item >= offsets.n - 1) {
            Py_DECREF(nearest);
            return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_IndexError, "item %zd is not in the table", item);
        }
        npy_int64 cell = offset[item], end = offset[item + 1] - cell > most ? cell + most : offset[item + 1];
        while (cell < end && !(is_liked[neighbour[cell] / 64] >> neighbour[cell] % 64 & 1)) cell++;
        PyObject *found = cell < end ? PyLong_FromLong(neighbour[cell]) : Py_NewRef(Py_None);
        if (found == NULL) {
            Py_DECREF(nearest);
            return NULL;
        }
        PyList_SET_ITEM(nearest, at, found);
    }
    return nearest;
}
