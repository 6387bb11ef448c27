#include "dataset/video.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

#include <stdio.h>
#include <string.h>

/* One sequence on its way; destroyed half-built. */
typedef struct coder {
    AVCodecContext *encoder, *decoder;
    struct SwsContext *to_yuv, *to_rgb;
    AVFrame *in, *out;
    AVPacket *packet;
    const pr_image_u8 *frames;
    int n_frames, n_out;
    int64_t n_bytes;
} coder;

static pr_status av_status(const char *what, int code)
{
    if (code >= 0) {
        return PR_OK;
    }
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    (void)av_strerror(code, text, sizeof(text));
    return PR_FAIL(code == AVERROR(ENOMEM) ? PR_ERR_NOMEM : PR_ERR_FORMAT, "%s: %s", what, text);
}

static pr_status check(const pr_video_options *options, const pr_image_u8 *frames, int n_frames)
{
    PR_REQUIRE(options->crf >= 0 && options->crf <= 51, PR_ERR_INVALID,
               "video: crf = %d, must be in 0 .. 51", options->crf);
    PR_REQUIRE(options->gop >= 1, PR_ERR_INVALID, "video: gop = %d, must be at least 1",
               options->gop);
    PR_REQUIRE(n_frames >= 1, PR_ERR_INVALID, "video: %d frames, must be at least 1", n_frames);
    for (int i = 0; i < n_frames; i++) {
        const pr_image_u8 *const f = &frames[i];
        PR_REQUIRE(f->channels == 3 && f->width == frames[0].width &&
                       f->height == frames[0].height && f->width % 2 == 0 && f->height % 2 == 0 &&
                       f->width >= 16 && f->height >= 16,
                   PR_ERR_INVALID,
                   "video: frame %d is %d x %d x %d; frames must be RGB of one size with even "
                   "sides of at least 16",
                   i, f->width, f->height, f->channels);
    }
    return PR_OK;
}

static pr_status open_encoder(coder *c, const pr_video_options *options)
{
    const AVCodec *const codec = avcodec_find_encoder_by_name("libx264");
    PR_REQUIRE(codec != NULL, PR_ERR_INVALID, "video: this FFmpeg was built without libx264");
    c->encoder = avcodec_alloc_context3(codec);
    PR_REQUIRE(c->encoder != NULL, PR_ERR_NOMEM, "video: the encoder");
    AVCodecContext *const e = c->encoder;
    e->width = c->frames[0].width;
    e->height = c->frames[0].height;
    e->pix_fmt = AV_PIX_FMT_YUV420P;
    e->time_base = (AVRational){1, 25};
    e->framerate = (AVRational){25, 1};
    e->gop_size = options->gop;
    e->thread_count = 1;
    e->color_range = AVCOL_RANGE_MPEG;
    e->colorspace = AVCOL_SPC_SMPTE170M;
    char params[160];
    (void)snprintf(params, sizeof(params),
                   "threads=1:lookahead-threads=1:sliced-threads=0:cpu-independent=1:"
                   "keyint=%d:min-keyint=%d:scenecut=0%s",
                   options->gop, options->gop, options->no_asm ? ":asm=0" : "");
    PR_TRY(av_status("libx264: preset", av_opt_set(e->priv_data, "preset", "medium", 0)));
    PR_TRY(av_status("libx264: crf", av_opt_set_double(e->priv_data, "crf", options->crf, 0)));
    PR_TRY(av_status("libx264: params", av_opt_set(e->priv_data, "x264-params", params, 0)));
    return av_status("libx264", avcodec_open2(e, codec, NULL));
}

static pr_status open_decoder(coder *c)
{
    const AVCodec *const codec = avcodec_find_decoder(AV_CODEC_ID_H264);
    PR_REQUIRE(codec != NULL, PR_ERR_INVALID, "video: this FFmpeg was built without h264");
    c->decoder = avcodec_alloc_context3(codec);
    PR_REQUIRE(c->decoder != NULL, PR_ERR_NOMEM, "video: the decoder");
    c->decoder->thread_count = 1;
    c->decoder->flags |= AV_CODEC_FLAG_BITEXACT;
    return av_status("h264", avcodec_open2(c->decoder, codec, NULL));
}

static pr_status open_scalers(coder *c)
{
    const int flags =
        SWS_BICUBIC | SWS_BITEXACT | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;
    const int w = c->frames[0].width;
    const int h = c->frames[0].height;
    c->to_yuv =
        sws_getContext(w, h, AV_PIX_FMT_RGB24, w, h, AV_PIX_FMT_YUV420P, flags, NULL, NULL, NULL);
    c->to_rgb =
        sws_getContext(w, h, AV_PIX_FMT_YUV420P, w, h, AV_PIX_FMT_RGB24, flags, NULL, NULL, NULL);
    PR_REQUIRE(c->to_yuv != NULL && c->to_rgb != NULL, PR_ERR_NOMEM,
               "video: swscale for %d x %d pixels", w, h);
    return PR_OK;
}

static pr_status open_coder(coder *c, const pr_video_options *options)
{
    PR_TRY(open_encoder(c, options));
    PR_TRY(open_decoder(c));
    PR_TRY(open_scalers(c));
    c->in = av_frame_alloc();
    c->out = av_frame_alloc();
    c->packet = av_packet_alloc();
    PR_REQUIRE(c->in != NULL && c->out != NULL && c->packet != NULL, PR_ERR_NOMEM,
               "video: a frame");
    c->in->format = AV_PIX_FMT_YUV420P;
    c->in->width = c->encoder->width;
    c->in->height = c->encoder->height;
    c->in->color_range = AVCOL_RANGE_MPEG;
    c->in->colorspace = AVCOL_SPC_SMPTE170M;
    return av_status("video: a frame", av_frame_get_buffer(c->in, 0));
}

static void close_coder(coder *c)
{
    avcodec_free_context(&c->encoder);
    avcodec_free_context(&c->decoder);
    sws_freeContext(c->to_yuv);
    sws_freeContext(c->to_rgb);
    av_frame_free(&c->in);
    av_frame_free(&c->out);
    av_packet_free(&c->packet);
}

/* Takes what the decoder has; frames come out in the order in which they are shown. */
static pr_status take_frames(coder *c)
{
    for (;;) {
        const int code = avcodec_receive_frame(c->decoder, c->out);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) {
            return PR_OK;
        }
        PR_TRY(av_status("h264: a frame", code));
        PR_REQUIRE(c->n_out < c->n_frames && c->out->format == AV_PIX_FMT_YUV420P &&
                       c->out->width == c->frames[0].width && c->out->height == c->frames[0].height,
                   PR_ERR_FORMAT, "h264: frame %d of %d came out as %d x %d", c->n_out, c->n_frames,
                   c->out->width, c->out->height);
        const pr_image_u8 *const to = &c->frames[c->n_out++];
        uint8_t *const planes[4] = {to->data};
        const int strides[4] = {3 * to->width};
        PR_TRY(av_status("swscale", sws_scale(c->to_rgb, (const uint8_t *const *)c->out->data,
                                              c->out->linesize, 0, to->height, planes, strides)));
        av_frame_unref(c->out);
    }
}

/* Takes what the encoder has to the decoder. */
static pr_status take_packets(coder *c)
{
    for (;;) {
        const int code = avcodec_receive_packet(c->encoder, c->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) {
            return PR_OK;
        }
        PR_TRY(av_status("libx264: a packet", code));
        c->n_bytes += c->packet->size;
        const int sent = avcodec_send_packet(c->decoder, c->packet);
        av_packet_unref(c->packet);
        PR_TRY(av_status("h264: a packet", sent));
        PR_TRY(take_frames(c));
    }
}

static pr_status send_frame(coder *c, int i)
{
    const pr_image_u8 *const from = &c->frames[i];
    const uint8_t *const planes[4] = {from->data};
    const int strides[4] = {3 * from->width};
    PR_TRY(av_status("video: a frame", av_frame_make_writable(c->in)));
    PR_TRY(av_status("swscale", sws_scale(c->to_yuv, planes, strides, 0, from->height, c->in->data,
                                          c->in->linesize)));
    c->in->pts = i;
    return av_status("libx264: a frame", avcodec_send_frame(c->encoder, c->in));
}

static pr_status flush(coder *c)
{
    PR_TRY(av_status("libx264: the end", avcodec_send_frame(c->encoder, NULL)));
    PR_TRY(take_packets(c));
    PR_TRY(av_status("h264: the end", avcodec_send_packet(c->decoder, NULL)));
    return take_frames(c);
}

/*
 * The frames are overwritten while later ones are still to be read. This is safe: a frame comes out
 * after it went in, and frames come out in order.
 */
static pr_status run(coder *c)
{
    for (int i = 0; i < c->n_frames; i++) {
        PR_TRY(send_frame(c, i));
        PR_TRY(take_packets(c));
    }
    PR_TRY(flush(c));
    PR_REQUIRE(c->n_out == c->n_frames, PR_ERR_FORMAT, "h264: %d of %d frames came out", c->n_out,
               c->n_frames);
    return PR_OK;
}

pr_status pr_video_compress(const pr_video_options *options, const pr_image_u8 *frames,
                            int n_frames, int64_t *n_bytes)
{
    PR_TRY(check(options, frames, n_frames));
    av_log_set_level(AV_LOG_FATAL); /* else libx264 prints its statistics of every sequence */
    coder c = {.frames = frames, .n_frames = n_frames};
    pr_status status = open_coder(&c, options);
    if (status == PR_OK) {
        status = run(&c);
    }
    close_coder(&c);
    if (status == PR_OK && n_bytes != NULL) {
        *n_bytes = c.n_bytes;
    }
    return status;
}

const char *pr_video_versions(void)
{
    return "libavcodec " AV_STRINGIFY(LIBAVCODEC_VERSION) ", libswscale " AV_STRINGIFY(
        LIBSWSCALE_VERSION);
}
