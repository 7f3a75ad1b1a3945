/* The k best of many items by score, then position: a heap with the worst one first. */
#pragma once
#include "arguments.h"

typedef struct {
    float score;
    npy_int32 item;
} Scored;

typedef struct {
    Scored *heap; /* the worst one first */
    npy_intp n, most;
} Best;

static int begin_best(Best *best, npy_intp most) {
    best->n = 0;
    best->most = most < 0 ? 0 : most;
    best->heap = scratch(&heap_memory, (best->most + 1) * sizeof(Scored));
    return best->heap != NULL;
}

static inline int is_better(Scored a, Scored b) {
    return a.score > b.score || (a.score == b.score && a.item < b.item);
}

static void sink(Scored *heap, npy_intp n, npy_intp at) {
    Scored moved = heap[at];
    for (npy_intp child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_better(heap[child], heap[child + 1])) child++;
        if (!is_better(moved, heap[child])) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static inline void offer(Best *best, float score, npy_int32 item) {
    Scored scored = {score, item}, *heap = best->heap;
    if (best->n < best->most) {
        npy_intp at = best->n++;
        for (; at && is_better(heap[(at - 1) / 2], scored); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
        heap[at] = scored;
    } else if (best->n && is_better(scored, heap[0])) {
        heap[0] = scored;
        sink(heap, best->n, 0);
    }
}

/* The score below which nothing changes the best any more; ties may. */
static inline float bar(const Best *best) {
    return best->n == best->most ? (best->n ? best->heap[0].score : INFINITY) : -INFINITY;
}

/* A lower bound, at most 1/16 too low, of the k-th best of some scores, none below 0: with it a heap takes in few. */
static float bound_of_best(const float *score, npy_intp n, npy_intp k) {
    static npy_int32 count[1 << 13]; /* by the upper bits of a number, which are in its order */
    if (k <= 0 || n <= 2 * k) return 0;
    memset(count, 0, sizeof count);
    for (npy_intp at = 0; at < n; at++) {
        npy_uint32 bits;
        memcpy(&bits, score + at, sizeof bits);
        count[bits >> 19 & 0x1fff]++;
    }
    npy_uint32 bucket = 0xfff;
    for (npy_intp n_above = 0; bucket && (n_above += count[bucket]) < k;) bucket--;
    float bound;
    bucket <<= 19;
    memcpy(&bound, &bucket, sizeof bound);
    return bound;
}

static void sort_best(Best *best) {
    for (npy_intp n = best->n; n > 1;) {
        Scored worst = best->heap[0];
        best->heap[0] = best->heap[--n];
        sink(best->heap, n, 0);
        best->heap[n] = worst;
    }
}

/* (items, scores) with room for n. */
static PyObject *pair_of_columns(npy_intp n) {
    PyObject *items = vector_of(NPY_INT32, n, NULL, 0), *scores = vector_of(NPY_FLOAT32, n, NULL, 0);
    if (items != NULL && scores != NULL) return Py_BuildValue("(NN)", items, scores);
    Py_XDECREF(items);
    Py_XDECREF(scores);
    return NULL;
}

/* (items, scores), best first. */
static PyObject *columns_of(Best *best) {
    sort_best(best);
    PyObject *columns = pair_of_columns(best->n);
    if (columns == NULL) return NULL;
    npy_int32 *item = PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(columns, 0));
    float *score = PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(columns, 1));
    for (npy_intp at = 0; at < best->n; at++) {
        item[at] = best->heap[at].item;
        score[at] = best->heap[at].score;
    }
    return columns;
}

typedef struct {
    double total;
    npy_int32 item, nth;
} Share;

static int by_item(const void *a, const void *b) {
    const Share *one = a, *other = b;
    return one->item != other->item ? (one->item > other->item) - (one->item < other->item)
                                    : (one->nth > other->nth) - (one->nth < other->nth);
}

static int by_total(const void *a, const void *b) {
    const Share *one = a, *other = b;
    return one->total != other->total ? (one->total < other->total) - (one->total > other->total)
                                      : (one->item > other->item) - (one->item < other->item);
}

/* A list of (items, scores, weight), k -> items, scores: `blended`. */
static PyObject *blended(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(2);
    COUNT(1, k);
    if (!PyList_Check(args[0])) return PyErr_Format(PyExc_TypeError, "no list");
    npy_intp n = 0, n_items = 0, most = 1;
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(args[0]); at++) {
        PyObject *part = PyList_GET_ITEM(args[0], at);
        Array items, scores;
        if (!PyTuple_Check(part) || PyTuple_GET_SIZE(part) != 3) return PyErr_Format(PyExc_TypeError, "no part of a blend");
        if (!is_array(PyTuple_GET_ITEM(part, 0), NPY_INT32, 1, 0, &items)) return NULL;
        if (!is_array(PyTuple_GET_ITEM(part, 1), NPY_FLOAT32, 1, 0, &scores) || !same_length(items.n, scores.n)) return NULL;
        most += items.n;
    }
    Share *share = scratch(&rows_memory, most * sizeof *share);
    if (share == NULL) return NULL;
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(args[0]); at++) {
        PyObject *part = PyList_GET_ITEM(args[0], at);
        PyArrayObject *items = (PyArrayObject *)PyTuple_GET_ITEM(part, 0);
        const float *score = PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(part, 1));
        double weight = PyFloat_AsDouble(PyTuple_GET_ITEM(part, 2)), whole = 0;
        if (weight == -1.0 && PyErr_Occurred()) return NULL;
        for (npy_intp each = 0; each < PyArray_DIM(items, 0); each++) whole += score[each];
        for (npy_intp each = 0; each < PyArray_DIM(items, 0); each++)
            share[n++] = (Share){score[each] * (weight / whole), ((npy_int32 *)PyArray_DATA(items))[each], (npy_int32)at};
    }
    qsort(share, n, sizeof *share, by_item);
    for (npy_intp at = 0; at < n; at++) {
        if (n_items && share[n_items - 1].item == share[at].item) share[n_items - 1].total += share[at].total;
        else share[n_items++] = share[at];
    }
    qsort(share, n_items, sizeof *share, by_total);
    n_items = n_items < k ? n_items : k < 0 ? 0 : k;
    PyObject *columns = pair_of_columns(n_items);
    if (columns == NULL) return NULL;
    npy_int32 *item = PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(columns, 0));
    float *score = PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(columns, 1));
    for (npy_intp at = 0; at < n_items; at++) {
        item[at] = share[at].item;
        score[at] = (float)share[at].total;
    }
    return columns;
}

/* scores (N,), a rising curve: x (B,), y (B,) -> (N,) float64: `np.interp`. */
static PyObject *interpolated(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(3);
    ARRAY(0, NPY_FLOAT32, scores);
    ARRAY(1, NPY_FLOAT64, xs);
    ARRAY(2, NPY_FLOAT64, ys);
    if (!same_length(xs.n, ys.n)) return NULL;
    if (!xs.n) return PyErr_Format(PyExc_ValueError, "a curve without a point");
    PyObject *column = vector_of(NPY_FLOAT64, scores.n, NULL, 0);
    if (column == NULL) return NULL;
    double *out = PyArray_DATA((PyArrayObject *)column);
    const double *x = xs.data, *y = ys.data;
    for (npy_intp at = 0; at < scores.n; at++) {
        double score = ((float *)scores.data)[at];
        npy_intp low = 0, high = xs.n; /* the last point that is not above the score comes before `low` */
        while (low < high) {
            npy_intp middle = (low + high) / 2;
            if (x[middle] <= score) low = middle + 1;
            else high = middle;
        }
        if (!low) out[at] = y[0];
        else if (low == xs.n || x[low - 1] == score) out[at] = y[low - 1];
        else out[at] = (y[low] - y[low - 1]) / (x[low] - x[low - 1]) * (score - x[low - 1]) + y[low - 1];
    }
    return column;
}
