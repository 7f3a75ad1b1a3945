/* Vectors of numbers: folding a history into a model, and the search by inner product. */
#pragma once
#include "best.h"

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
/* Compiled three times; the loader takes the one that this processor knows. */
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

#define LANES 16   /* numbers of one vector register at most */
#define AT_ONCE 8  /* rows that are added to a system of equations together */
#define AHEAD 12   /* rows whose vectors are asked for from memory in advance */
#define BLOCK 16   /* vectors between two looks at the bound of a search */

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));
typedef float loose_lanes __attribute__((vector_size(4 * LANES), aligned(1))); /* a mapped index begins anywhere */


/* Robertson & Walker 1994, as `saturated` of recsys/models/event_weights.py writes it. */
static inline float saturated(float weight, double saturation) {
    float positive = weight > 0 ? weight : 0;
    if (saturation == 0) return positive > 0;
    return positive * ((float)(1 + 1 / saturation) / (1 + positive / (float)saturation));
}

/* Adds AT_ONCE outer products, each times its weight, to the upper half of a matrix.  width: of a row, in lanes. */
CLONES static void add_outer(float *system, const float *rows, const float *weight, npy_intp width) {
    for (npy_intp at = 0; at < width; at++) {
        float *row = system + at * width, scale[AT_ONCE];
        for (int each = 0; each < AT_ONCE; each++) scale[each] = weight[each] * rows[each * width + at];
        for (npy_intp to = at - at % LANES; to < width; to += LANES) {
            lanes sum = *(lanes *)(row + to);
            for (int each = 0; each < AT_ONCE; each++) sum += scale[each] * *(const lanes *)(rows + each * width + to);
            *(lanes *)(row + to) = sum;
        }
    }
}

/* The solution of a symmetric positive definite system, by Cholesky, in the right side; false when it is not one. */
CLONES static int solve(float *system, float *right, npy_intp n, npy_intp width) {
    for (npy_intp at = 0; at < n; at++) {
        float *row = system + at * width, pivot = row[at];
        if (!(pivot > 0)) return 0;
        float scale = 1 / sqrtf(pivot);
        for (npy_intp to = at - at % LANES; to < width; to += LANES) *(lanes *)(row + to) *= scale;
        right[at] *= scale;
        for (npy_intp below = at + 1; below < n; below++) {
            float factor = row[below], *other = system + below * width;
            for (npy_intp to = below - below % LANES; to < width; to += LANES)
                *(lanes *)(other + to) -= factor * *(const lanes *)(row + to);
            right[below] -= factor * right[at];
        }
    }
    for (npy_intp at = n - 1; at >= 0; at--) {
        const float *row = system + at * width;
        for (npy_intp to = at + 1; to < n; to++) right[at] -= row[to] * right[to];
        right[at] /= row[at];
    }
    return 1;
}

/* vectors (I, F), gram (F, F), item (P,), weight (P,), alpha, saturation, base, pull, pull_per_item, n_bought -> (F,):
 * `AlsModel._fold_in`. */
static PyObject *als_vector(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(10);
    TABLE(0, NPY_FLOAT32, vectors);
    TABLE(1, NPY_FLOAT32, gram);
    ARRAY(2, NPY_INT32, items);
    ARRAY(3, NPY_FLOAT32, weights);
    NUMBER(4, alpha);
    NUMBER(5, saturation);
    NUMBER(6, base);
    NUMBER(7, pull);
    NUMBER(8, pull_per_item);
    NUMBER(9, n_bought);
    npy_intp n = vectors.width, width = (n + LANES - 1) / LANES * LANES;
    if (!same_length(gram.n, n) || !same_length(gram.width, n) || !same_length(items.n, weights.n)) return NULL;
    if (!in_range(&items, vectors.n)) return NULL;
    float *system = scratch(&system_memory, (width + 1 + AT_ONCE) * width * sizeof *system);
    if (system == NULL) return NULL;
    float *right = system + width * width, *rows = right + width, above[AT_ONCE];
    memset(system, 0, (width + 1 + AT_ONCE) * width * sizeof *system);
    for (npy_intp at = 0; at < n; at++) memcpy(system + at * width, (float *)gram.data + at * n, n * sizeof *system);
    const npy_int32 *item = items.data;
    const float *weight = weights.data, *vector = vectors.data;
    float total = 0;
    npy_intp n_liked = 0, n_waiting = 0;
    for (npy_intp at = 0; at < items.n; at++) {
        if (at + AHEAD < items.n)
            for (npy_intp to = 0; to < n; to += LANES) __builtin_prefetch(vector + item[at + AHEAD] * n + to);
        float confidence = (float)alpha * saturated(weight[at], saturation);
        if (confidence > 0) {
            confidence += (float)base;
            total += confidence;
            n_liked++;
            float *row = rows + n_waiting * width;
            memcpy(row, vector + item[at] * n, n * sizeof *row);
            for (npy_intp to = 0; to < n; to++) right[to] += confidence * row[to];
            above[n_waiting++] = confidence - 1;
        }
        if (n_waiting == AT_ONCE || (n_waiting && at == items.n - 1)) {
            for (; n_waiting < AT_ONCE; n_waiting++) above[n_waiting] = 0;
            add_outer(system, rows, above, width);
            n_waiting = 0;
        }
    }
    float more = (float)(pull * (total + n_bought) + pull_per_item * n_liked);
    for (npy_intp at = 0; at < n; at++) system[at * width + at] += more;
    solve(system, right, n, width);
    return vector_of(NPY_FLOAT32, n, right, sizeof *right);
}

#if defined(__clang__) || __GNUC__ >= 12
typedef float half_lanes __attribute__((vector_size(4 * LANES / 2)));
typedef float quarter_lanes __attribute__((vector_size(4 * LANES / 4)));

static inline float sum_of(const lanes *each) { /* in registers: a third of the time of a search */
    half_lanes half = __builtin_shufflevector(*each, *each, 0, 1, 2, 3, 4, 5, 6, 7) +
                      __builtin_shufflevector(*each, *each, 8, 9, 10, 11, 12, 13, 14, 15);
    quarter_lanes quarter =
        __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
    return quarter[0] + quarter[2] + (quarter[1] + quarter[3]);
}
#else
static inline float sum_of(const lanes *each) {
    float total = 0;
    for (int lane = 0; lane < LANES; lane++) total += (*each)[lane];
    return total;
}
#endif

/* The inner products of some vectors and one query.  (F,) each -> (n,) */
CLONES static void products(const float *const *vectors, int n, const float *query, npy_intp width, float *out) {
    for (int each = 0; each < n; each++) {
        const float *vector = vectors[each];
        lanes sum = {0};
        npy_intp at = 0;
        for (; at + LANES <= width; at += LANES) sum += *(const loose_lanes *)(vector + at) * *(const lanes *)(query + at);
        float total = sum_of(&sum);
        for (float number; at < width; at++) {
            memcpy(&number, vector + at, sizeof number);
            total += number * query[at];
        }
        out[each] = total;
    }
}

/* vectors (I, F), rows (N,) or None, order (N,), length (N,), query (F,), margin, k, mask (I,) or None -> items, scores:
 * `ExactIndex._best`.  Places are in order of falling length; by Cauchy-Schwarz no score is above that of the query times
 * the length, and the margin for rounding. */
static PyObject *search(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    TAKES(8);
    TABLE(0, NPY_FLOAT32, vectors);
    OPTIONAL(1, NPY_INT32, rows);
    ARRAY(2, NPY_INT32, order);
    ARRAY(3, NPY_FLOAT32, lengths);
    ARRAY(4, NPY_FLOAT32, query);
    NUMBER(5, margin);
    COUNT(6, k);
    OPTIONAL(7, NPY_BOOL, mask);
    if (!same_length(order.n, lengths.n) || !same_length(query.n, vectors.width)) return NULL;
    if (rows.data ? !same_length(rows.n, order.n) || !in_range(&rows, vectors.n) : !same_length(order.n, vectors.n))
        return NULL;
    Best best;
    if (!begin_best(&best, k < order.n ? k : order.n)) return NULL;
    const float *length = lengths.data;
    const npy_int32 *item = order.data, *row = rows.data;
    const npy_bool *is_wanted = mask.data;
    npy_intp n = order.n, width = vectors.width;
    double reach = 0;
    for (npy_intp at = 0; at < width; at++) reach += (double)((float *)query.data)[at] * ((float *)query.data)[at];
    reach = sqrt(reach) * margin;
    for (npy_intp start = 0; start < n && !(reach * length[start] < bar(&best)); start += BLOCK) {
        const float *vector[BLOCK];
        npy_int32 wanted[BLOCK];
        float score[BLOCK];
        int n_wanted = 0;
        for (npy_intp at = start; at < n && at < start + BLOCK; at++) {
            if (is_wanted != NULL && !is_wanted[item[at]]) continue;
            vector[n_wanted] = (float *)vectors.data + (row ? row[at] : at) * width;
            if (row != NULL)
                for (npy_intp to = 0; to < width; to += LANES) __builtin_prefetch(vector[n_wanted] + to);
            wanted[n_wanted++] = item[at];
        }
        products(vector, n_wanted, query.data, width, score);
        for (int each = 0; each < n_wanted; each++)
            if (score[each] >= bar(&best)) offer(&best, score[each], wanted[each]);
    }
    return columns_of(&best);
}
