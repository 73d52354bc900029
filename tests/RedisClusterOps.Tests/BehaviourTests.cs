using System;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Management.Automation.StandIn;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Tests;

/// <summary>
/// What the cmdlets do to a real cluster. The engine is a stand-in and proves nothing about PowerShell; tests/Pester does that.
/// </summary>
[Collection(nameof(LabCluster))]
public sealed class BehaviourTests(LabCluster lab)
{
    [Fact]
    public void A_connected_cluster_is_current_in_its_runspace_and_in_no_other()
    {
        var runspace = new Runspace();
        var connected = new Engine { Runspace = runspace }.Run("Connect-RedisCluster", ("Endpoint", lab.Entry));
        Assert.Null(connected.TerminatingError);
        Assert.IsType<RedisClusterSession>(Assert.Single(connected.Output));
        Assert.IsType<RedisClusterInfo>(Assert.Single(new Engine { Runspace = runspace }.Run("Get-RedisClusterInfo").Output));
        Assert.Equal("NoCluster", new Engine().Run("Get-RedisClusterInfo").TerminatingError!.FullyQualifiedErrorId);
        Assert.Null(new Engine { Runspace = runspace }.Run("Disconnect-RedisCluster").TerminatingError);
        Assert.Equal("NoCluster", new Engine { Runspace = runspace }.Run("Get-RedisClusterInfo").TerminatingError!.FullyQualifiedErrorId);
    }

    [Fact]
    public void Nodes_are_found_by_prefix_wildcard_and_role_and_an_unknown_name_stops_nothing()
    {
        var all = new Engine().Run("Get-RedisClusterNode", ("Cluster", lab.Entry)).Output.Cast<RedisClusterNode>().ToArray();
        Assert.Equal(lab.Nodes.Order(StringComparer.Ordinal), all.Select(node => node.Endpoint).Order(StringComparer.Ordinal));
        var run = new Engine().Run("Get-RedisClusterNode", ("Cluster", lab.Entry), ("Node", new[] { "nobody:1", lab.Entry, "127.0.0.1:*" }));
        Assert.Equal(lab.Entry, ((RedisClusterNode)run.Output[0]!).Endpoint);
        Assert.Equal(4, run.Output.Count);
        var error = Assert.Single(run.Errors);
        Assert.Equal("NodeNotFound", error.FullyQualifiedErrorId);
        Assert.Equal("nobody:1", error.TargetObject);
        Assert.Null(run.TerminatingError);
        Assert.Empty(new Engine().Run("Get-RedisClusterNode", ("Cluster", lab.Entry), ("Role", "Replica")).Output);
    }

    [Fact]
    public async Task A_rehearsal_shows_every_command_and_sends_none()
    {
        const int Slot = 100;
        await lab.WedgeAsync(Slot, keys: 30, moved: 10);
        var before = ServerProbe.WritesSeen(lab.Nodes);
        var run = new Engine { Consent = _ => false }.Pipe(Runs.OpenSlots(lab, Slot), "Complete-RedisSlotMigration", ("WhatIf", true));
        var question = Assert.Single(run.Questions);
        Assert.Contains("complete: move 20 keys from ", question, StringComparison.Ordinal);
        Assert.Contains("slot 100", question, StringComparison.Ordinal);
        Assert.Contains("MIGRATE", question, StringComparison.Ordinal);
        Assert.Contains("CLUSTER SETSLOT 100 NODE", question, StringComparison.Ordinal);
        Assert.Empty(run.Output);
        Assert.Empty(run.Errors);
        var moving = new Engine { Consent = _ => false }.Pipe(Runs.OpenSlots(lab, Slot), "Move-RedisSlotKey", ("WhatIf", true), ("First", 5));
        Assert.Contains("move at most 5 keys from ", Assert.Single(moving.Questions), StringComparison.Ordinal);
        Assert.Equal(before, ServerProbe.WritesSeen(lab.Nodes));
    }

    [Fact]
    public async Task An_open_slot_is_completed_as_it_comes_through_the_pipeline()
    {
        const int Slot = 200;
        await lab.WedgeAsync(Slot, keys: 30, moved: 10);
        var open = (RedisOpenSlot)Runs.OpenSlots(lab, Slot).Single()!;
        Assert.Equal((RedisOpenSlotState.Migrating, 20L, 10L), (open.State, open.KeysOnSource, open.KeysOnTarget));
        var run = new Engine().Pipe([open], "Complete-RedisSlotMigration");
        Assert.Empty(run.Errors);
        var result = Assert.IsType<RedisSlotMigrationResult>(Assert.Single(run.Output));
        Assert.Equal((Slot, MigrationOutcome.Completed, 20L), (result.Slot, result.Outcome, result.KeysMoved));
        Assert.NotEmpty(run.Verbose);
        Assert.Empty(run.Debug);
        Assert.Equal((0L, 30L), (ServerProbe.CountKeys(open.Source!, Slot), ServerProbe.CountKeys(open.Target!, Slot)));
        Assert.Empty(ServerProbe.OpenOn(lab.Nodes, Slot));
        Assert.Empty(Runs.OpenSlots(lab, Slot));
    }

    [Fact]
    public async Task Commands_are_told_only_to_who_debugs()
    {
        const int Slot = 300;
        await lab.WedgeAsync(Slot, keys: 4, moved: 1);
        var run = new Engine().Run("Complete-RedisSlotMigration", ("Cluster", lab.Entry), ("Slot", Slot), ("Debug", true));
        Assert.Contains(run.Debug, line => line.Contains("SETSLOT", StringComparison.Ordinal));
    }

    [Fact]
    public void Slots_that_can_not_be_completed_fail_one_by_one_and_leave_a_result()
    {
        var run = new Engine().Pipe([400, 401], "Complete-RedisSlotMigration", ("Cluster", lab.Entry));
        Assert.Null(run.TerminatingError);
        Assert.Equal(["SlotNotOpen", "SlotNotOpen"], run.Errors.Select(error => error.FullyQualifiedErrorId));
        Assert.All(run.Errors, error => Assert.NotEmpty(error.ErrorDetails!.RecommendedAction!));
        Assert.Equal([400, 401], run.Output.Cast<RedisSlotMigrationResult>().Select(result => result.Slot));
        Assert.All(run.Output.Cast<RedisSlotMigrationResult>(), result => Assert.Equal(MigrationOutcome.Failed, result.Outcome));
    }

    [Fact]
    public async Task Refusing_one_slot_goes_on_with_the_next()
    {
        int[] slots = [500, 501];
        foreach (var slot in slots)
            await lab.WedgeAsync(slot, keys: 3, moved: 1);
        var run = new Engine { Consent = question => question.Contains("slot 501", StringComparison.Ordinal) }
            .Pipe(slots.Cast<object?>(), "Complete-RedisSlotMigration", ("Cluster", lab.Entry));
        Assert.Equal(2, run.Questions.Count);
        Assert.Equal(501, Assert.IsType<RedisSlotMigrationResult>(Assert.Single(run.Output)).Slot);
        Assert.Single(Runs.OpenSlots(lab, 500));
    }

    [Fact]
    public async Task Keys_move_and_the_slot_stays_open()
    {
        const int Slot = 600;
        await lab.WedgeAsync(Slot, keys: 30, moved: 10);
        var run = new Engine().Run("Move-RedisSlotKey", ("Cluster", lab.Entry), ("Slot", Slot), ("First", 5), ("MaxStall", "5ms"));
        var moved = Assert.IsType<RedisKeyMove>(Assert.Single(run.Output));
        Assert.Equal((5L, 15L), (moved.KeysMoved, moved.KeysRemaining));
        Assert.Equal(2, ServerProbe.OpenOn(lab.Nodes, Slot).Count());
        var error = Assert.Single(new Engine().Run("Move-RedisSlotKey", ("Cluster", lab.Entry), ("Slot", 601)).Errors);
        Assert.Equal("SlotNotOpen", error.FullyQualifiedErrorId);
    }

    [Fact]
    public async Task A_stop_ends_the_batch_in_hand_and_the_same_line_goes_on()
    {
        const int Slot = 700;
        await lab.WedgeAsync(Slot, keys: 2_000, moved: 0);
        var progress = new Engine();
        var (clock, stopped) = (Stopwatch.StartNew(), new Stopwatch());
        using var timer = new Timer(_ => StopOnceSeen(), null, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100));
        progress.Run("Complete-RedisSlotMigration", ("Cluster", lab.Entry), ("Slot", Slot), ("MaxKeysPerSecond", 100), ("BatchSize", 10));
        Assert.True(progress.WasStopped);
        Assert.InRange(stopped.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(8));
        Assert.Empty(progress.Output);
        // At most two a second, and what is known by then.
        Assert.InRange(progress.Progress.Count, 2, 1 + (2 * clock.Elapsed.TotalSeconds));
        // Nothing reaches the pipeline after a stop; the host is told what is left.
        Assert.Contains("Complete-RedisSlotMigration", Assert.Single(progress.Host.UI.Warnings), StringComparison.Ordinal);

        var open = (RedisOpenSlot)Runs.OpenSlots(lab, Slot).Single()!;
        Assert.Equal(RedisOpenSlotState.Migrating, open.State);
        Assert.Equal(2_000, open.KeysOnSource + open.KeysOnTarget);
        Assert.InRange(open.KeysOnTarget!.Value, 1, 1_000);
        var again = new Engine().Pipe([open], "Complete-RedisSlotMigration");
        Assert.Equal(MigrationOutcome.Completed, Assert.IsType<RedisSlotMigrationResult>(Assert.Single(again.Output)).Outcome);
        Assert.Equal(2_000, ServerProbe.CountKeys(open.Target!, Slot));

        void StopOnceSeen()
        {
            if (progress.Progress.Count < 2)
                return;
            stopped.Start();
            progress.Stop();
        }
    }

    [Fact]
    public async Task Progress_comes_seldom_and_ends()
    {
        const int Slot = 800;
        await lab.WedgeAsync(Slot, keys: 300, moved: 0);
        var run = new Engine().Run("Complete-RedisSlotMigration", ("Cluster", lab.Entry), ("Slot", Slot), ("MaxKeysPerSecond", 200), ("BatchSize", 5));
        Assert.InRange(run.Progress.Count, 2, 8);
        Assert.Equal(ProgressRecordType.Completed, run.Progress[^1].RecordType);
        Assert.All(run.Progress.SkipLast(1), record => Assert.Equal(ProgressRecordType.Processing, record.RecordType));
    }

    [Fact]
    public async Task Keys_stream_and_a_later_cmdlet_may_end_it()
    {
        const int Slot = 900;
        await lab.WedgeAsync(Slot, keys: 250, moved: 0);
        var all = new Engine().Run("Get-RedisSlotKey", ("Cluster", lab.Entry), ("Slot", Slot), ("Detail", true));
        Assert.Equal(250, all.Output.Count);
        var first = Assert.IsType<RedisSlotKey>(all.Output[0]);
        Assert.Equal(("string", Slot), (first.Type, first.Slot));
        Assert.True(first.MemoryUsage > 0);
        var run = new Engine { TakeFirst = 1 }.Run("Get-RedisSlotKey", ("Cluster", lab.Entry), ("Slot", Slot), ("Detail", true));
        Assert.Single(run.Output);
        Assert.True(run.WasStopped);
        Assert.Null(run.TerminatingError);
        Assert.Equal(7, new Engine().Run("Get-RedisSlotKey", ("Cluster", lab.Entry), ("Slot", Slot), ("First", 7)).Output.Count);
    }

    [Fact]
    public void A_key_is_located_with_its_owner()
    {
        var run = new Engine().Pipe(["a", "b"], "Get-RedisKeySlot", ("Cluster", lab.Entry));
        Assert.Equal(["a", "b"], run.Output.Cast<RedisKeySlot>().Select(key => key.Key));
        Assert.All(run.Output.Cast<RedisKeySlot>(), key => Assert.Contains(key.Owner, lab.Nodes));
    }

    [Fact]
    public async Task A_check_is_an_object_or_just_a_bool()
    {
        await lab.WedgeAsync(1000, keys: 1, moved: 0);
        var health = Assert.IsType<RedisClusterHealth>(Assert.Single(new Engine().Run("Test-RedisCluster", ("Cluster", lab.Entry)).Output));
        Assert.Contains(health.Findings, finding => finding.Code == FindingCode.SlotOpen);
        Assert.Equal(false, Assert.Single(new Engine().Run("Test-RedisCluster", ("Cluster", lab.Entry), ("Quiet", true)).Output));
    }
}
