using System;
using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>
/// Turns the core's progress into progress records: at most two a second of each bar (a record per batch would cost more than the batch), none for
/// what is done in half a second, and a last one that ends it. Of many slots there is a bar of slots, and a bar of keys below it.
/// </summary>
internal sealed class SlotProgress
{
    private const int Whole = 1;

    private const int Part = 2;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private readonly string _activity;
    private readonly Action<ProgressRecord> _write;
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private int _slotsDone;
    private int _slotsTotal;
    private bool _shown;
    private bool _partShown;

    public SlotProgress(string activity, Action<ProgressRecord> write)
    {
        _activity = activity;
        _write = write;
    }

    /// <summary>Slots that are done one by one: the core tells only of the one in hand.</summary>
    public void Count(int done, int total) => (_slotsDone, _slotsTotal) = (done, total);

    public void Show(OperationEvent progress)
    {
        if (_sinceLast.Elapsed < Interval)
            return;
        _sinceLast.Restart();
        _shown = true;
        var (done, total) = progress.SlotsTotal > 0 ? (progress.SlotsDone, progress.SlotsTotal) : (_slotsDone, _slotsTotal);
        if (total <= 1)
        {
            _write(Keys(Whole, _activity, progress));
            return;
        }

        _write(new ProgressRecord(Whole, _activity, Text("{0} of {1} slots", done, total)) { PercentComplete = (int)(100L * done / total) });
        _write(Keys(Part, "Keys", progress));
        _partShown = true;
    }

    public void End()
    {
        if (_partShown)
            _write(new ProgressRecord(Part, "Keys", "done") { ParentActivityId = Whole, RecordType = ProgressRecordType.Completed });
        if (_shown)
            _write(new ProgressRecord(Whole, _activity, "done") { RecordType = ProgressRecordType.Completed });
        _shown = _partShown = false;
    }

    private static ProgressRecord Keys(int id, string activity, OperationEvent progress)
    {
        var rate = progress.Elapsed > TimeSpan.Zero ? progress.KeysDone / progress.Elapsed.TotalSeconds : 0;
        var status = (progress.Slot is { } slot ? Text("slot {0}, ", slot) : string.Empty)
            + Text("{0} of {1} keys, {2:0} keys/s", progress.KeysDone, progress.KeysTotal, rate)
            + (progress.Message.Length > 0 ? ", waiting: " + progress.Message : string.Empty);
        var record = new ProgressRecord(id, activity, status) { ParentActivityId = id == Part ? Whole : -1 };
        if (progress.KeysTotal <= 0)
            return record;
        record.PercentComplete = (int)Math.Min(100, progress.KeysDone * 100 / progress.KeysTotal);

        // Below one percent an estimate is a guess. Clients go on writing, so the total is no promise either.
        if (record.PercentComplete >= 1 && rate > 0)
            record.SecondsRemaining = (int)Math.Min(int.MaxValue, Math.Max(0, progress.KeysTotal - progress.KeysDone) / rate);
        return record;
    }

    private static string Text(string format, params object[] values) => string.Format(CultureInfo.InvariantCulture, format, values);
}
