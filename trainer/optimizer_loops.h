/*
 * The optimizer's inner loops for one real type. Included once for each, with REAL the type, SQRT
 * its square root, and NAME(x) the name of function x for it.
 *
 * Every loop is elementwise: its bits depend on neither chunk borders nor threads. PyTorch works in
 * the type of the parameters, and so do these.
 */

static void NAME(loop_sgd)(const pr__update *a)
{
    REAL *p = a->param;
    REAL *momentum = a->first;
    const REAL *grad = a->grad;
    const REAL rate = (REAL)a->rate;
    const REAL mu = (REAL)a->options->momentum;
    const REAL decay = (REAL)a->decay;
    const REAL clip = (REAL)a->clip;
    const bool nesterov = a->options->nesterov;
    for (int64_t i = 0; i < a->n; i++) {
        const REAL g = grad[i] * clip + decay * p[i];
        const REAL v = mu * momentum[i] + g;
        momentum[i] = v;
        p[i] -= rate * (nesterov ? g + mu * v : v);
    }
}

static void NAME(loop_adam)(const pr__update *a)
{
    REAL *p = a->param;
    REAL *m = a->first;
    REAL *v = a->second;
    const REAL *grad = a->grad;
    const bool decoupled = a->options->kind == PR_OPTIM_ADAMW;
    const REAL keep = decoupled ? (REAL)(1.0 - a->rate * a->decay) : (REAL)1.0;
    const REAL decay = decoupled ? (REAL)0.0 : (REAL)a->decay;
    const REAL clip = (REAL)a->clip;
    const REAL beta1 = (REAL)a->options->beta1;
    const REAL beta2 = (REAL)a->options->beta2;
    const REAL rest1 = (REAL)(1.0 - a->options->beta1);
    const REAL rest2 = (REAL)(1.0 - a->options->beta2);
    const REAL step = (REAL)(a->rate / a->correction1);
    const REAL root2 = (REAL)a->correction2_root;
    const REAL eps = (REAL)a->options->eps;
    for (int64_t i = 0; i < a->n; i++) {
        const REAL kept = p[i] * keep;
        const REAL g = grad[i] * clip + decay * kept;
        m[i] = m[i] * beta1 + rest1 * g;
        v[i] = v[i] * beta2 + rest2 * g * g;
        p[i] = kept - step * (m[i] / (SQRT(v[i]) / root2 + eps));
    }
}

/* Sixteen lanes and a fixed tree over them: the same bits whatever the vector length; the tail is
 * the same loop. */
static double NAME(sum_squares)(const void *x, int64_t n)
{
    const REAL *grad = x;
    double lanes[16] = {0.0};
    for (int64_t first = 0; first < n; first += 16) {
        const int n_here = n - first < 16 ? (int)(n - first) : 16;
        for (int l = 0; l < n_here; l++) {
            const double g = (double)grad[first + l];
            lanes[l] += g * g;
        }
    }
    return pr_tree_sum(lanes, 16);
}

static void NAME(loop_ema)(void *key, const void *online, double m, int64_t n)
{
    REAL *k = key;
    const REAL *o = online;
    const REAL keep = (REAL)m;
    const REAL take = (REAL)(1.0 - m);
    for (int64_t i = 0; i < n; i++) {
        k[i] = keep * k[i] + take * o[i];
    }
}

#undef REAL
#undef SQRT
#undef NAME
