/* Procedural faces: the same bytes everywhere, landmarks where the features are. */
#include "dataset/procedural.h"
#include "engine/base/hash.h"
#include "tests/check.h"

#include <math.h>

enum { SIDE = 256, N_PEOPLE = 24 };

static uint64_t hash_of(const pr_procedural *what)
{
    pr_image_u8 photo = {0};
    CHECK_OK(pr_procedural_photo(what, &photo));
    const uint64_t hash = pr_hash64(photo.data, pr_image_bytes(&photo), 0);
    pr_image_destroy(&photo);
    return hash;
}

static void check_bytes(void)
{
    const pr_procedural what = {.seed = 1, .identity = 5, .video = 1, .size_px = SIDE};
    pr_procedural other = what;
    CHECK(hash_of(&what) == hash_of(&what), "a photograph is not its own");
    other.video = 0;
    CHECK(hash_of(&what) != hash_of(&other), "two videos are one");
    other = what;
    other.identity = 6;
    CHECK(hash_of(&what) != hash_of(&other), "two people are one");
    other = what;
    other.seed = 2;
    CHECK(hash_of(&what) != hash_of(&other), "two seeds are one");
    /* Every compiler and processor must give this value. */
    CHECK(hash_of(&what) == UINT64_C(0x350c6e6be88bd36f), "the photograph's hash is %016llx",
          (unsigned long long)hash_of(&what));
    other.identity = 65535;
    pr_image_u8 photo = {0};
    CHECK_FAILS(pr_procedural_photo(&other, &photo), PR_ERR_INVALID, "person 65535");
}

static double grey_at(const pr_image_u8 *photo, double x, double y)
{
    const uint8_t *const p =
        photo->data + ((ptrdiff_t)(y + 0.5) * photo->width + (ptrdiff_t)(x + 0.5)) * 3;
    return (p[0] + p[1] + p[2]) / 3.0;
}

/* A photograph in which all lies inside, in order, and the middle of each eye is darker than the
 * cheek below it. */
static int check_face(int person)
{
    const pr_procedural what = {
        .seed = 9, .identity = person, .video = person % 3, .size_px = SIDE};
    pr_face face;
    pr_image_u8 photo = {0};
    pr_procedural_face(&what, &face);
    CHECK_OK(pr_procedural_photo(&what, &photo));
    CHECK(face.width == SIDE && face.height == SIDE, "size %d x %d", face.width, face.height);
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        const double x = face.points[i][0];
        const double y = face.points[i][1];
        CHECK(x >= face.box_x - 1e-9 && x <= face.box_x + face.box_w + 1e-9 && y >= face.box_y &&
                  y <= face.box_y + face.box_h + 1e-9,
              "person %d: landmark %d at %g,%g is outside the face box", person, i, x, y);
    }
    CHECK(face.box_x > 0 && face.box_y > 0 && face.box_x + face.box_w < SIDE &&
              face.box_y + face.box_h < SIDE,
          "person %d: the face box leaves the photograph", person);
    CHECK(face.points[36][0] < face.points[39][0] && face.points[39][0] < face.points[42][0] &&
              face.points[42][0] < face.points[45][0] && face.points[27][1] < face.points[30][1] &&
              face.points[30][1] < face.points[33][1] && face.points[33][1] < face.points[51][1] &&
              face.points[51][1] < face.points[57][1] && face.points[57][1] < face.points[8][1] &&
              face.points[19][1] < face.points[37][1] && face.points[0][0] < face.points[16][0],
          "person %d: landmarks stand in the wrong order", person);
    int n_darker = 0;
    for (int side = 0; side < 2; side++) {
        double x = 0;
        double y = 0;
        for (int i = 0; i < 6; i++) {
            x += face.points[36 + 6 * side + i][0] / 6;
            y += face.points[36 + 6 * side + i][1] / 6;
        }
        double eye = 255;
        for (int d = -3; d <= 3; d++) {
            eye = fmin(eye, grey_at(&photo, x + d, y));
        }
        n_darker += eye < 0.75 * grey_at(&photo, x, y + 0.18 * SIDE * 0.4);
    }
    pr_image_destroy(&photo);
    return n_darker;
}

int main(void)
{
    int n_darker = 0;
    check_bytes();
    for (int i = 0; i < N_PEOPLE; i++) {
        n_darker += check_face(i);
    }
    CHECK(n_darker >= 2 * N_PEOPLE - 2, "only %d of %d pupils are darker than the cheek", n_darker,
          2 * N_PEOPLE);
    return check_exit_code();
}
