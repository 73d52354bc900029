using System;
using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>Turns the core's progress into progress records: at most two a second (a record per batch would cost more than the batch), none for what is done in half a second, and a last one that ends it.</summary>
internal sealed class SlotProgress
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private readonly string _activity;
    private readonly Action<ProgressRecord> _write;
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private bool _shown;

    public SlotProgress(string activity, Action<ProgressRecord> write)
    {
        _activity = activity;
        _write = write;
    }

    public void Show(OperationEvent progress)
    {
        if (_sinceLast.Elapsed < Interval)
            return;
        _sinceLast.Restart();
        _shown = true;
        _write(Record(progress));
    }

    public void End()
    {
        if (!_shown)
            return;
        _shown = false;
        _write(new ProgressRecord(1, _activity, "done") { RecordType = ProgressRecordType.Completed });
    }

    private ProgressRecord Record(OperationEvent progress)
    {
        var rate = progress.Elapsed > TimeSpan.Zero ? progress.KeysDone / progress.Elapsed.TotalSeconds : 0;
        var what = progress.Slot is { } slot
            ? "slot " + slot.ToString(CultureInfo.InvariantCulture)
            : string.Format(CultureInfo.InvariantCulture, "{0} of {1} slots", progress.SlotsDone, progress.SlotsTotal);
        var status = string.Format(CultureInfo.InvariantCulture, "{0}, {1} of {2} keys, {3:0} keys/s", what, progress.KeysDone, progress.KeysTotal, rate)
            + (progress.Message.Length > 0 ? ", waiting: " + progress.Message : string.Empty);
        var record = new ProgressRecord(1, _activity, status);
        if (progress.KeysTotal <= 0 && progress.SlotsTotal <= 0)
            return record;
        record.PercentComplete = progress.KeysTotal > 0 ? (int)Math.Min(100, progress.KeysDone * 100 / progress.KeysTotal) : 100 * progress.SlotsDone / progress.SlotsTotal;

        // Below one percent an estimate is a guess. Clients go on writing, so the total is no promise either.
        if (record.PercentComplete >= 1 && rate > 0)
            record.SecondsRemaining = (int)Math.Min(int.MaxValue, Math.Max(0, progress.KeysTotal - progress.KeysDone) / rate);
        return record;
    }
}
