"""Ready specs: one for every codec and oddity that tests need by name."""

from __future__ import annotations

from fractions import Fraction

from tests.media_factory.spec import AudioSpec, ClipSpec, Damage, Discontinuity, Handmade, SubtitleSpec

_AC3_DEU = AudioSpec("ac3", "deu")
_MP2_ENG = AudioSpec("mp2", "eng")
_AAC_DEU = AudioSpec("aac", "deu")
_FIFTY = Fraction(50)


def _by_hand(name: str, how: Handmade, *, bframes: int = 2, pyramid: bool = False) -> ClipSpec:
    return ClipSpec(
        name,
        width=64,
        height=128,
        frames=60,
        gop=12,
        bframes=bframes,
        b_pyramid=pyramid,
        interlaced=None if how.fields == "none" else "tff",
        audio=(_MP2_ENG,),
        handmade=how,
    )


_ALL = (
    # Like 720p50 broadcasts: no IDR but the first, recovery points instead.
    ClipSpec("h264_open_gop_50p", fps=_FIFTY, frames=150, gop=24, audio=(_AC3_DEU,)),
    ClipSpec("h264_open_gop_pyramid", fps=_FIFTY, frames=150, gop=32, bframes=5, b_pyramid=True, audio=(_AC3_DEU,)),
    ClipSpec("h264_closed", frames=100, gop=25, open_gop=False, muxer="ffmpeg", audio=(_AAC_DEU,)),
    ClipSpec("h264_mbaff_tff", frames=75, gop=16, interlaced="tff", audio=(_MP2_ENG,)),
    ClipSpec("h264_mbaff_bff", frames=50, gop=16, interlaced="bff", audio=(_MP2_ENG,)),
    ClipSpec("h264_no_bframes", frames=75, gop=20, bframes=0, audio=(_MP2_ENG,)),
    ClipSpec("h264_no_rai", fps=_FIFTY, frames=100, random_access_indicator=False, audio=(_MP2_ENG,)),
    ClipSpec("h264_2997", fps=Fraction(30_000, 1001), frames=90, gop=30, audio=(_AC3_DEU,)),
    ClipSpec("h264_two_audio", fps=_FIFTY, frames=150, audio=(_AC3_DEU, _MP2_ENG)),
    ClipSpec("h264_eac3_51", frames=75, audio=(AudioSpec("eac3", "fra", channels=6),)),
    ClipSpec(
        "h264_subtitles",
        frames=100,
        audio=(_MP2_ENG,),
        subtitles=(SubtitleSpec("teletext"), SubtitleSpec("dvb", "eng")),
    ),
    # 576i broadcast whose clock wraps 2**33 two seconds after frame 0.
    ClipSpec(
        "mpeg2_interlaced_wrap",
        "mpeg2video",
        width=352,
        height=288,
        frames=100,
        gop=12,
        bframes=2,
        interlaced="tff",
        sample_aspect=Fraction(16, 11),
        start_pts_90k=(1 << 33) - 180_000,
        audio_lead_s=Fraction(3, 10),
        audio=(_MP2_ENG,),
    ),
    ClipSpec("mpeg2_progressive", "mpeg2video", frames=100, gop=12, bframes=2, audio=(_MP2_ENG,)),
    ClipSpec("mpeg2_closed", "mpeg2video", frames=60, gop=12, bframes=2, open_gop=False, audio=(_MP2_ENG,)),
    ClipSpec("hevc_cra", "hevc", frames=75, gop=24, bframes=3, audio=(_AC3_DEU,)),
    ClipSpec("hevc_cra_pyramid", "hevc", fps=_FIFTY, frames=100, gop=24, bframes=4, b_pyramid=True, audio=(_AC3_DEU,)),
    ClipSpec("hevc_10bit", "hevc", frames=60, gop=20, bit_depth=10, audio=(_AAC_DEU,)),
    ClipSpec("hevc_closed", "hevc", frames=60, gop=20, open_gop=False, audio=(_AC3_DEU,)),
    ClipSpec("mp4_h264", frames=100, container="mp4", open_gop=False, audio=(_AAC_DEU,)),
    ClipSpec("mp4_h264_open_gop", fps=_FIFTY, frames=150, container="mp4", audio=(_AAC_DEU,)),
    ClipSpec("mp4_hevc", "hevc", frames=75, container="mp4", open_gop=False, audio=(_AAC_DEU,)),
    ClipSpec("mkv_h264", frames=100, container="mkv", audio=(_AC3_DEU, _AAC_DEU)),
    ClipSpec("mkv_with_srt", frames=75, container="mkv", audio=(_AAC_DEU,), subtitles=(SubtitleSpec("srt", "deu"),)),
    ClipSpec("webm_vp8", "vp8", frames=75, gop=25, container="webm", audio=(AudioSpec("opus", "eng"),)),
    ClipSpec("ts_192", fps=_FIFTY, frames=100, container="m2ts192", audio=(_AC3_DEU,)),
    ClipSpec("ts_204", fps=_FIFTY, frames=100, container="ts204", audio=(_AC3_DEU,)),
    ClipSpec(
        "ts_discontinuity",
        fps=_FIFTY,
        frames=150,
        discontinuity=Discontinuity(at_frame=70, jump_90k=-450_000),
        audio=(_MP2_ENG,),
    ),
    ClipSpec("ts_lost_frames", fps=_FIFTY, frames=150, lost_frames=(30, 31, 57, 102), audio=(_MP2_ENG,)),
    ClipSpec("ts_radio_before", frames=75, radio="before", audio=(_MP2_ENG,)),
    ClipSpec("ts_radio_after", frames=75, radio="after", audio=(_MP2_ENG,)),
    ClipSpec("ts_scrambled", frames=50, scrambled=True, audio=(_MP2_ENG,)),
    ClipSpec("ts_pmt_change", frames=100, pmt_change_frame=50, audio=(_MP2_ENG, _AC3_DEU)),
    ClipSpec("ts_damaged", fps=_FIFTY, frames=150, damage=Damage(), audio=(_MP2_ENG,)),
    ClipSpec("ts_mid_gop_start", fps=_FIFTY, frames=150, cut_start_bytes=30_001, audio=(_MP2_ENG,)),
    ClipSpec("ts_truncated", fps=_FIFTY, frames=100, cut_end_bytes=5_003, audio=(_MP2_ENG,)),
    ClipSpec("audio_only", None, frames=75, audio=(_MP2_ENG,)),
    # Grain that leaves an encoder nothing to foretell.
    ClipSpec("h264_grain", fps=_FIFTY, frames=100, grain=24, quality=14, audio=(_AC3_DEU,)),
    ClipSpec("h264_mbaff_grain", frames=60, gop=16, interlaced="tff", grain=24, quality=14, audio=(_MP2_ENG,)),
    ClipSpec("h264_422_10bit", frames=60, gop=16, bit_depth=10, chroma="422", grain=12, quality=14, audio=(_MP2_ENG,)),
    ClipSpec("hevc_grain", "hevc", frames=60, gop=20, grain=24, quality=14, audio=(_AC3_DEU,)),
    ClipSpec(
        "mpeg2_grain",
        "mpeg2video",
        frames=60,
        gop=12,
        bframes=2,
        interlaced="tff",
        grain=24,
        quality=2,
        audio=(_MP2_ENG,),
    ),
    # Captions, AFD, HDR data.
    ClipSpec("h264_captions", fps=_FIFTY, frames=100, b_pyramid=True, side_data=True, audio=(_AC3_DEU,)),
    ClipSpec("h264_mbaff_captions", frames=60, gop=16, interlaced="tff", side_data=True, audio=(_MP2_ENG,)),
    ClipSpec("mpeg2_captions", "mpeg2video", frames=60, gop=12, bframes=2, side_data=True, audio=(_MP2_ENG,)),
    ClipSpec("hevc_hdr", "hevc", frames=60, gop=20, bit_depth=10, side_data=True, audio=(_AAC_DEU,)),
    # Film in 60 fields, and every picture for itself.
    ClipSpec(
        "mpeg2_pulldown",
        "mpeg2video",
        fps=Fraction(24_000, 1001),
        frames=96,
        gop=12,
        bframes=2,
        pulldown=True,
        audio=(_AC3_DEU,),
    ),
    ClipSpec("mpeg2_intra", "mpeg2video", frames=50, gop=1, bframes=0, audio=(_MP2_ENG,)),
    ClipSpec("h264_intra", frames=50, gop=1, bframes=0, open_gop=False, audio=(_MP2_ENG,)),
    # What x264 does not make: pictures of two fields, other ways of counting, references that are unmarked at once.
    _by_hand("h264_paff", Handmade(fields="all")),
    _by_hand("h264_paff_pyramid", Handmade(fields="all", forgets="key"), bframes=3, pyramid=True),
    _by_hand("h264_paff_mixed", Handmade(fields="mixed", forgets="next"), bframes=3, pyramid=True),
    _by_hand("h264_paff_no_bframes", Handmade(fields="all", second_intra=True, ref_frames=2), bframes=0),
    _by_hand("h264_count_1", Handmade(poc_type=1)),
    _by_hand("h264_count_2", Handmade(poc_type=2), bframes=0),
    _by_hand("h264_paff_count_1", Handmade(fields="all", poc_type=1, forgets="next"), bframes=1),
    _by_hand("h264_unmarks", Handmade(forgets="next"), bframes=3, pyramid=True),
    _by_hand("h264_untold_order", Handmade(restriction=False), bframes=3, pyramid=True),
    ClipSpec("mpeg1_ts", "mpeg1video", frames=60, gop=12, bframes=2, audio=(_MP2_ENG,)),
    # As it comes off the air: sound first, several audio frames to a PES packet, subtitles, wrap far away.
    ClipSpec(
        "broadcast",
        fps=_FIFTY,
        frames=200,
        gop=32,
        b_pyramid=True,
        start_pts_90k=5_000_000_000,
        audio_lead_s=Fraction(7, 10),
        audio=(AudioSpec("ac3", "deu", frames_per_pes=2), AudioSpec("mp2", "eng", frames_per_pes=3)),
        subtitles=(SubtitleSpec("teletext"), SubtitleSpec("dvb", "eng")),
    ),
)

CLIPS: dict[str, ClipSpec] = {spec.name: spec for spec in _ALL}
