using System;
using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Core.Tests.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>
/// When an open slot is stuck: its clock, what resets the clock, and what keeps it. Each check starts a new watcher.
/// </summary>
public sealed class StuckSlotTests : IDisposable
{
    private readonly WatchedCluster _cluster = new();

    [Fact]
    public async Task After_29_minutes_without_progress_it_is_not_and_after_31_it_is()
    {
        Assert.Empty((await _cluster.LookAsync()).Alerts);
        var first = _cluster.Now;
        _cluster.Pass(TimeSpan.FromMinutes(29));
        Assert.Empty((await _cluster.LookAsync()).Alerts);
        _cluster.Pass(TimeSpan.FromMinutes(2));

        var alert = Assert.Single((await _cluster.LookAsync()).Alerts);

        Assert.Equal((AlertCode.SlotStuck, FindingSeverity.Error, "5519"), (alert.Code, alert.Severity, alert.Target));
        Assert.Equal((first, false, TimeSpan.FromMinutes(30)), (alert.Since, alert.IsSinceExact, alert.Threshold));
        Assert.Equal((52, 12L), (alert.PercentComplete, alert.KeysLeft));
        Assert.StartsWith(
            "Stuck at 52 % for at least 31 min: Migrating, 10.0.0.1:6379 -> 10.0.0.2:6379, 12 keys left on the source. Clients: ",
            alert.Message);
        Assert.Equal("Complete-RedisSlotMigration -Slot 5519", alert.Advice);
        // The alert is repeated while the slot is stuck.
        _cluster.Pass(TimeSpan.FromMinutes(5));
        Assert.Equal(first, Assert.Single((await _cluster.LookAsync()).Alerts).Since);
    }

    [Fact]
    public async Task Moved_keys_restart_the_time()
    {
        await _cluster.LookAsync();
        _cluster.Pass(TimeSpan.FromMinutes(20));
        _cluster.KeysOnA--;
        _cluster.KeysOnB++;
        Assert.Empty((await _cluster.LookAsync()).Alerts);
        var moved = _cluster.Now;
        _cluster.Pass(TimeSpan.FromMinutes(20));
        Assert.Empty((await _cluster.LookAsync()).Alerts);
        _cluster.Pass(TimeSpan.FromMinutes(11));
        Assert.Equal(moved, Assert.Single((await _cluster.LookAsync()).Alerts).Since);
    }

    [Fact]
    public async Task Keys_that_expire_are_no_progress()
    {
        _cluster.MigrateCallsOfA = 40;
        await _cluster.LookAsync();
        var first = _cluster.Now;
        for (var check = 0; check < 4; check++)
        {
            _cluster.Pass(TimeSpan.FromMinutes(8));
            _cluster.KeysOnA--;
            await _cluster.LookAsync();
        }

        Assert.Equal(first, Assert.Single((await _cluster.LookAsync()).Alerts).Since);

        // Once the source runs MIGRATE again, fewer keys are progress.
        _cluster.MigrateCallsOfA++;
        _cluster.KeysOnA--;
        Assert.Empty((await _cluster.LookAsync()).Alerts);
    }

    [Fact]
    public async Task Keys_that_clients_write_are_no_progress_while_the_owner_does_not_migrate()
    {
        _cluster.IsOnlyImported = true;
        await _cluster.LookAsync();
        _cluster.Pass(TimeSpan.FromMinutes(20));
        _cluster.KeysOnA += 3;
        await _cluster.LookAsync();
        _cluster.Pass(TimeSpan.FromMinutes(11));
        Assert.Equal(AlertCode.SlotStuck, Assert.Single((await _cluster.LookAsync()).Alerts).Code);
    }

    [Fact]
    public async Task A_slot_that_was_closed_and_opened_again_has_a_new_time()
    {
        await _cluster.LookAsync();
        _cluster.IsOpen = false;
        _cluster.Pass(TimeSpan.FromMinutes(20));
        Assert.Empty((await _cluster.LookAsync()).Alerts);
        _cluster.IsOpen = true;
        _cluster.Pass(TimeSpan.FromMinutes(11));
        Assert.Empty((await _cluster.LookAsync()).Alerts);
    }

    [Fact]
    public async Task An_end_that_is_unreachable_for_a_while_does_not_stop_the_time()
    {
        await _cluster.LookAsync();
        _cluster.Pass(TimeSpan.FromMinutes(16));
        using (var other = new WatchedCluster())
        {
            // The same cluster, as long as its target is away: only the source's flag is seen, and no count of the target.
            other.SetTime(_cluster.Now);
            other.Loses(WatchedCluster.B);
            var alerts = (await other.LookAsync(new AlertOptions { StatePath = _cluster.StatePath })).Alerts;
            Assert.Contains(alerts, alert => alert is { Code: AlertCode.NodeUnreachable, Target: WatchedCluster.B });
        }

        _cluster.Pass(TimeSpan.FromMinutes(15));
        Assert.Equal(AlertCode.SlotStuck, Assert.Single((await _cluster.LookAsync()).Alerts).Code);
    }

    [Fact]
    public async Task Another_threshold_is_another_alert()
    {
        await _cluster.LookAsync();
        _cluster.Pass(TimeSpan.FromMinutes(6));
        var options = new AlertOptions { StatePath = _cluster.StatePath, StuckAfter = TimeSpan.FromMinutes(5) };
        Assert.Equal(options.StuckAfter, Assert.Single((await _cluster.LookAsync(options)).Alerts).Threshold);
    }

    [Fact]
    public async Task The_journal_of_our_own_runs_has_the_exact_time()
    {
        var last = Interrupted(at: _cluster.Now);
        _cluster.SetTime(last.AddMinutes(29));
        Assert.Empty((await _cluster.LookAsync(remembers: false)).Alerts);
        _cluster.SetTime(last.AddMinutes(31));
        var alert = Assert.Single((await _cluster.LookAsync(remembers: false)).Alerts);
        Assert.Equal((last, true), (alert.Since, alert.IsSinceExact));
        Assert.StartsWith("Stuck at 52 % for 31 min:", alert.Message);
        Assert.Empty(_cluster.Warnings);
    }

    [Fact]
    public async Task What_another_tool_moves_after_our_run_was_killed_is_progress_too()
    {
        var last = Interrupted(at: _cluster.Now);
        _cluster.SetTime(last.AddMinutes(10));
        await _cluster.LookAsync();
        _cluster.Pass(TimeSpan.FromMinutes(15));
        _cluster.KeysOnA = 5;
        await _cluster.LookAsync();
        _cluster.SetTime(last.AddMinutes(40));
        Assert.Empty((await _cluster.LookAsync()).Alerts);
    }

    [Fact]
    public async Task Without_memory_and_journal_the_age_is_unknown_and_that_is_an_alert()
    {
        var alert = Assert.Single((await _cluster.LookAsync(remembers: false)).Alerts);
        Assert.Equal((AlertCode.SlotOpen, FindingSeverity.Warning, "5519"), (alert.Code, alert.Severity, alert.Target));
        Assert.Contains("-StatePath", alert.Advice);
        Assert.Empty(_cluster.Warnings);
    }

    [Fact]
    public async Task A_state_file_that_can_not_be_kept_is_no_memory()
    {
        var outcome = await _cluster.LookAsync(new AlertOptions { StatePath = Path.Combine(_cluster.StatePath, "no", "folder") });
        Assert.Equal(AlertCode.SlotOpen, Assert.Single(outcome.Alerts).Code);
        Assert.Equal(FailureCode.StateFileUnavailable, outcome.Failure!.Code);
    }

    [Fact]
    public async Task A_slot_that_a_run_of_the_journal_left_open_is_resumed_by_its_id()
    {
        Interrupted(at: _cluster.Now);
        _cluster.Pass(TimeSpan.FromMinutes(45));
        var alert = Assert.Single((await _cluster.LookAsync(remembers: false)).Alerts);
        Assert.Equal("Resume-RedisMigration -Id 20261123T100000Z-00000a -JournalPath " + _cluster.JournalPath, alert.Advice);
        Assert.Contains("left by run 20261123T100000Z-00000a", alert.Message);
    }

    [Fact]
    public async Task A_state_file_of_another_cluster_is_a_warning_and_the_open_slots_are_listed()
    {
        ObservationFile.Write(_cluster.StatePath, ["another-cluster"], [], _cluster.Now, null);
        Assert.Equal(5519, (await _cluster.OpenSlotAsync(remembers: true)).Slot);
    }

    [Fact]
    public async Task Open_slots_and_alerts_of_earlier_checks_serve_as_observations()
    {
        var slot = await _cluster.OpenSlotAsync(remembers: false);
        _cluster.Pass(TimeSpan.FromMinutes(31));
        var alert = Assert.Single((await _cluster.LookAsync(new AlertOptions { PreviousOpenSlots = [slot] })).Alerts);
        Assert.Equal(slot.ObservedAt, alert.Since);
        _cluster.Pass(TimeSpan.FromMinutes(31));
        var next = Assert.Single((await _cluster.LookAsync(new AlertOptions { PreviousAlerts = [alert] })).Alerts);
        Assert.Equal(slot.ObservedAt, next.Since);
        _cluster.KeysOnA--;
        Assert.Empty((await _cluster.LookAsync(new AlertOptions { PreviousAlerts = [alert] })).Alerts);
    }

    [Fact]
    public async Task A_state_file_gives_an_open_slot_its_time_rate_and_time_left()
    {
        var first = _cluster.Now;
        await _cluster.LookAsync();
        _cluster.Pass(TimeSpan.FromSeconds(4));
        _cluster.KeysOnA -= 8;
        _cluster.KeysOnB += 8;
        var slot = await _cluster.OpenSlotAsync(remembers: true);
        Assert.Equal((first, _cluster.Now), (slot.Since, slot.LastProgress));
        Assert.Equal((84, 2.0, TimeSpan.FromSeconds(2)), (slot.PercentComplete, slot.KeysPerSecond, slot.TimeLeft));
        var unknown = await _cluster.OpenSlotAsync(remembers: false);
        Assert.Equal((null, null, null, null), (unknown.Since, unknown.LastProgress, unknown.KeysPerSecond, unknown.TimeLeft));
    }

    public void Dispose() => _cluster.Dispose();

    /// <summary>A run of ours that came to this count and was not heard of since.</summary>
    private DateTime Interrupted(DateTime at)
    {
        var path = Path.Combine(_cluster.JournalPath, "runs", at.ToString("yyyyMMdd'T'HHmmss'Z'") + "-00000a.jsonl");
        using (var journal = new TestJournal { Now = at })
        {
            string written;
            byte[] bytes;
            using (var run = journal.Begin())
            {
                run.Intend(TestJournal.Entry(5519));
                journal.Now = journal.Now.AddMinutes(1);
                run.Progress(5519, 13, 12);
                written = run.Path;
                bytes = ReadShared(written);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
            return journal.Now;
        }
    }

    private static byte[] ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var bytes = new MemoryStream();
        file.CopyTo(bytes);
        return bytes.ToArray();
    }
}
