using System;
using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>
/// Turns the core's progress into progress records: at most two per second for each bar (a record per batch would cost more than the
/// batch), none for work that takes less than half a second, and a final one that completes the bar. For several slots there is a bar of
/// slots, with a bar of keys below it.
/// </summary>
internal sealed class SlotProgress
{
    private const int MainBar = 1;

    private const int ChildBar = 2;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private readonly string _activity;
    private readonly Action<ProgressRecord> _write;
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private int _slotsDone;
    private int _slotsTotal;
    private bool _shown;
    private bool _childShown;

    public SlotProgress(string activity, Action<ProgressRecord> write)
    {
        _activity = activity;
        _write = write;
    }

    /// <summary>Sets the progress over several slots, because the core reports only the current slot.</summary>
    public void SetSlots(int done, int total) => (_slotsDone, _slotsTotal) = (done, total);

    public void Show(OperationEvent progress)
    {
        if (_sinceLast.Elapsed < Interval)
            return;
        _sinceLast.Restart();
        _shown = true;
        var (done, total) = progress.SlotsTotal > 0 ? (progress.SlotsDone, progress.SlotsTotal) : (_slotsDone, _slotsTotal);
        if (total <= 1)
        {
            _write(Keys(MainBar, _activity, progress));
            return;
        }

        var slots = Text("{0} of {1} slots", done, total);
        _write(new ProgressRecord(MainBar, _activity, slots) { PercentComplete = (int)(100L * done / total) });
        _write(Keys(ChildBar, "Keys", progress));
        _childShown = true;
    }

    public void End()
    {
        if (_childShown)
            _write(new ProgressRecord(ChildBar, "Keys", "done") { ParentActivityId = MainBar, RecordType = ProgressRecordType.Completed });
        if (_shown)
            _write(new ProgressRecord(MainBar, _activity, "done") { RecordType = ProgressRecordType.Completed });
        _shown = _childShown = false;
    }

    private static ProgressRecord Keys(int id, string activity, OperationEvent progress)
    {
        var rate = progress.Elapsed > TimeSpan.Zero ? progress.KeysDone / progress.Elapsed.TotalSeconds : 0;
        var status = (progress.Slot is { } slot ? Text("slot {0}, ", slot) : string.Empty)
            + Text("{0} of {1} keys, {2:0} keys/s", progress.KeysDone, progress.KeysTotal, rate)
            + (progress.Message.Length > 0 ? ", " + progress.Message : string.Empty);
        var record = new ProgressRecord(id, activity, status) { ParentActivityId = id == ChildBar ? MainBar : -1 };
        if (progress is { KeysTotal: 0, SlotsTotal: 0, Slot: null, Message.Length: > 0 })
            record.StatusDescription = progress.Message;
        if (progress.KeysTotal <= 0)
            return record;
        record.PercentComplete = (int)Math.Min(100, progress.KeysDone * 100 / progress.KeysTotal);

        // Below one percent an estimate is useless. Clients keep writing, so the total may change, too.
        if (record.PercentComplete >= 1 && rate > 0)
            record.SecondsRemaining = (int)Math.Min(int.MaxValue, Math.Max(0, progress.KeysTotal - progress.KeysDone) / rate);
        return record;
    }

    private static string Text(string format, params object[] values) => string.Format(CultureInfo.InvariantCulture, format, values);
}
