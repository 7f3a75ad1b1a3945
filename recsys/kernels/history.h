/* The events of one customer: joined with later ones, summed by item, and what is bought again. */
#pragma once
#include "best.h"

/* item (N,), at (N,), weight (N,), now, half-life -> items, weights (P,): `Histories.item_weights`. */
static PyObject *item_weights(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(5);
    ARRAY(0, NPY_INT32, items);
    ARRAY(1, NPY_FLOAT64, times);
    ARRAY(2, NPY_FLOAT32, weights);
    NUMBER(3, now);
    NUMBER(4, half_life);
    if (!same_length(items.n, times.n) || !same_length(items.n, weights.n)) return NULL;
    const npy_int32 *item = items.data;
    const double *at = times.data;
    const float *weight = weights.data;
    npy_int32 *own = scratch(&rows_memory, (items.n + 1) * sizeof *own);
    float *sum = scratch(&columns_memory, (items.n + 1) * sizeof *sum);
    if (own == NULL || sum == NULL) return NULL;
    npy_intp n = 0;
    for (npy_intp row = 0; row < items.n;) {
        npy_int32 mine = item[row];
        double total = 0, last = NAN, decay = 1;
        for (; row < items.n && item[row] == mine; row++) {
            if (at[row] != last) decay = exp2((now > at[row] ? now - at[row] : 0) / -half_life);
            last = at[row];
            total += weight[row] * decay;
        }
        own[n] = mine;
        sum[n++] = (float)total;
    }
    PyObject *first = vector_of(NPY_INT32, n, own, sizeof *own), *second = vector_of(NPY_FLOAT32, n, sum, sizeof *sum);
    return first && second ? Py_BuildValue("(NN)", first, second) : NULL;
}

/* item, at, kind (N,), mask (I,) or None, loyalty (I,), sign by kind, now, half-life, doubt, overdue_fade, k -> items,
 * scores, times, days (K,): the k best of `BuyAgainModel.score_own`, with `past_purchases` of each. */
static PyObject *buy_again(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(11);
    ARRAY(0, NPY_INT32, items);
    ARRAY(1, NPY_FLOAT64, times);
    ARRAY(2, NPY_INT8, kinds);
    OPTIONAL(3, NPY_BOOL, mask);
    ARRAY(4, NPY_FLOAT32, loyalty);
    ARRAY(5, NPY_FLOAT32, signs);
    NUMBER(6, now);
    NUMBER(7, half_life);
    NUMBER(8, doubt);
    NUMBER(9, overdue_fade);
    COUNT(10, k);
    if (!same_length(items.n, times.n) || !same_length(items.n, kinds.n)) return NULL;
    if (!in_range(&items, mask.data && mask.n < loyalty.n ? mask.n : loyalty.n)) return NULL;
    const npy_int32 *item = items.data;
    const double *at = times.data;
    const npy_uint8 *kind = kinds.data;
    const float *sign = signs.data;
    const npy_bool *is_wanted = mask.data;
    npy_int32 *bought = scratch(&rows_memory, 3 * (items.n + 1) * sizeof *bought);
    Best best;
    if (bought == NULL || !begin_best(&best, k < items.n ? k : items.n)) return NULL;
    float slope = (float)(-1 / half_life);
    npy_intp n = 0;
    for (npy_intp row = 0; row < items.n;) {
        npy_int32 mine = item[row], n_bought = 0, n_events = 0;
        float total = 0, count = 0, oldest = 0, newest = 0;
        double last = 0;
        for (; row < items.n && item[row] == mine; row++) {
            if (kind[row] >= signs.n || sign[kind[row]] == 0) continue;
            float age = (float)(now - at[row] > 0.5 ? now - at[row] : 0.5); /* MIN_AGE_DAYS */
            if (!n_events++) oldest = age;
            newest = age;
            total += exp2f(age * slope) * sign[kind[row]];
            count += sign[kind[row]];
            if (sign[kind[row]] > 0) {
                n_bought++;
                last = at[row];
            }
        }
        if (!(total > 0) || (is_wanted != NULL && !is_wanted[mine])) continue;
        total *= ((float *)loyalty.data)[mine];
        if (count < 1) count = 1;
        total /= newest * count / oldest * (float)overdue_fade + (float)doubt / count + 1;
        if (!(total > 0)) continue;
        offer(&best, total, mine);
        bought[3 * n] = mine;
        bought[3 * n + 1] = n_bought;
        bought[3 * n++ + 2] = (npy_int32)floor(last);
    }
    PyObject *columns = columns_of(&best), *often, *days;
    if (columns == NULL) return NULL;
    often = vector_of(NPY_INT32, best.n, NULL, 0);
    days = vector_of(NPY_INT32, best.n, NULL, 0);
    if (often == NULL || days == NULL) return NULL;
    for (npy_intp place = 0; place < best.n; place++) {
        npy_intp low = 0, high = n - 1;
        while (low < high) {
            npy_intp middle = (low + high) / 2;
            if (bought[3 * middle] < best.heap[place].item) low = middle + 1;
            else high = middle;
        }
        ((npy_int32 *)PyArray_DATA((PyArrayObject *)often))[place] = bought[3 * low + 1];
        ((npy_int32 *)PyArray_DATA((PyArrayObject *)days))[place] = bought[3 * low + 2];
    }
    return Py_BuildValue("(NNN)", columns, often, days);
}

/* The columns of a history and those of later events, both in order of item, then time: merged, the later ones behind
 * what happened at the same time.  (item, at, weight, kind) twice: (N,) each, (M,) each -> (N + M,) each. */
static PyObject *merged(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(8);
    static const int types[] = {NPY_INT32, NPY_FLOAT64, NPY_FLOAT32, NPY_INT8};
    static const size_t widths[] = {4, 8, 4, 1};
    Array columns[8];
    PyObject *result = PyTuple_New(4);
    if (result == NULL) return NULL;
    for (int at = 0; at < 8; at++)
        if (!is_array(args[at], types[at % 4], 1, 0, &columns[at]) || !same_length(columns[at].n, columns[at - at % 4].n))
            goto failed;
    npy_intp n = columns[0].n, m = columns[4].n;
    const npy_int32 *item = columns[0].data, *new_item = columns[4].data;
    const double *time = columns[1].data, *new_time = columns[5].data;
    char *out[4];
    for (int at = 0; at < 4; at++) {
        PyObject *column = vector_of(types[at], n + m, NULL, 0);
        if (column == NULL) goto failed;
        out[at] = PyArray_DATA((PyArrayObject *)column);
        PyTuple_SET_ITEM(result, at, column);
    }
    npy_intp done = 0;
    for (npy_intp next = 0; next <= m; next++) {
        npy_intp low = done, high = n;
        while (next < m && low < high) { /* the first row behind the new one */
            npy_intp middle = (low + high) / 2;
            if (item[middle] < new_item[next] || (item[middle] == new_item[next] && time[middle] <= new_time[next]))
                low = middle + 1;
            else high = middle;
        }
        npy_intp end = next < m ? low : n;
        for (int at = 0; at < 4; at++) {
            size_t width = widths[at];
            memcpy(out[at] + (done + next) * width, (char *)columns[at].data + done * width, (end - done) * width);
            if (next < m)
                memcpy(out[at] + (end + next) * width, (char *)columns[4 + at].data + next * width, width);
        }
        done = end;
    }
    return result;
failed:
    Py_DECREF(result);
    return NULL;
}

/* mask (I,), which is changed, items (N,) -> the flags of the items before, (N,); now they are false. */
static PyObject *cleared(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(2);
    ARRAY(0, NPY_BOOL, mask);
    ARRAY(1, NPY_INT32, items);
    if (!in_range(&items, mask.n)) return NULL;
    PyObject *before = PyArray_ISWRITEABLE((PyArrayObject *)args[0])
                           ? vector_of(NPY_BOOL, items.n, NULL, 0)
                           : PyErr_Format(PyExc_ValueError, "the mask is read-only");
    if (before == NULL) return NULL;
    npy_bool *flag = mask.data, *was = PyArray_DATA((PyArrayObject *)before);
    const npy_int32 *item = items.data;
    for (npy_intp at = 0; at < items.n; at++) was[at] = flag[item[at]];
    for (npy_intp at = 0; at < items.n; at++) flag[item[at]] = 0;
    return before;
}
