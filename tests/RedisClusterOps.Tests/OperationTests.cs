using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation.StandIn;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Tests;

/// <summary>Undo, restart, start, repair and resume on a real cluster: what is asked, what is written, what fails alone. On the stand-in engine.</summary>
[Collection(nameof(LabCluster))]
public sealed class OperationTests(LabCluster lab)
{
    [Fact]
    public async Task A_rehearsal_of_each_shows_its_commands_and_sends_none()
    {
        const int Slot = 2000;
        await lab.WedgeAsync(Slot, keys: 30, moved: 10);
        var before = ServerProbe.WritesSeen(lab.Nodes);
        foreach (var (cmdlet, shown) in new Dictionary<string, string>
        {
            ["Undo-RedisSlotMigration"] = "CLUSTER SETSLOT 2000 IMPORTING",
            ["Repair-RedisCluster"] = "CLUSTER SETSLOT 2000 NODE",
            ["Complete-RedisSlotMigration"] = "MIGRATE",
        })
        {
            var run = new Engine { Consent = _ => false }.Pipe(Runs.OpenSlots(lab, Slot), cmdlet, ("WhatIf", true));
            Assert.Contains(shown, Assert.Single(run.Questions), StringComparison.Ordinal);
            Assert.Empty(run.Output);
            Assert.Empty(run.Errors);
        }

        var start = new Engine { Consent = _ => false }.Run("Start-RedisSlotMigration", ("Cluster", lab.Entry), ("Slot", 2001), ("Target", OtherThanOwnerOf(2001)));
        Assert.Contains("CLUSTER SETSLOT 2001 IMPORTING", Assert.Single(start.Questions), StringComparison.Ordinal);
        Assert.Equal(before, ServerProbe.WritesSeen(lab.Nodes));
    }

    [Fact]
    public async Task An_undone_slot_is_back_with_all_its_keys()
    {
        const int Slot = 2100;
        await lab.WedgeAsync(Slot, keys: 30, moved: 10);
        var open = (RedisOpenSlot)Runs.OpenSlots(lab, Slot).Single()!;
        var run = new Engine().Pipe([open], "Undo-RedisSlotMigration");
        var result = Assert.IsType<RedisSlotMigrationResult>(Assert.Single(run.Output));
        Assert.Equal((MigrationOutcome.RolledBack, "Undo"), (result.Outcome, result.Operation));
        Assert.Equal((30L, 0L), (ServerProbe.CountKeys(open.Source!, Slot), ServerProbe.CountKeys(open.Target!, Slot)));
        Assert.Empty(ServerProbe.OpenOn(lab.Nodes, Slot));
    }

    [Fact]
    public void Opened_slots_are_written_when_the_cluster_is_let_go_of_and_one_that_fails_is_an_error_alone()
    {
        var target = OtherThanOwnerOf(2200);
        var next = new List<object?>();
        var run = new Engine { OnOutput = item => next.AddRange(new Engine().Pipe([item], "Undo-RedisSlotMigration").Output) }
            .Pipe([2200, 2201], "Start-RedisSlotMigration", ("Cluster", lab.Entry), ("Target", target));
        Assert.Equal([], run.Errors.Select(error => error.ToString()));
        Assert.Null(run.TerminatingError);
        Assert.Equal([2200, 2201], run.Output.Cast<RedisOpenSlot>().Select(open => open.Slot));
        Assert.All(run.Output.Cast<RedisOpenSlot>(), open => Assert.NotNull(open.Since));
        var runs = new Engine().Run("Get-RedisMigration").Output.Cast<RedisMigration>().Where(started => started.Operation == "Start").ToList();
        Assert.Equal(2, Assert.Single(runs, started => started.Slots.Any(slot => slot.Slot == 2200)).SlotCount);
        Assert.All(next.Cast<RedisSlotMigrationResult>(), result => Assert.Equal(MigrationOutcome.RolledBack, result.Outcome));
        Assert.Equal(2, next.Count);

        var failed = new Engine().Run("Restart-RedisSlotMigration", ("Cluster", lab.Entry), ("Slot", 2200));
        Assert.Equal("SlotNotOpen", Assert.Single(failed.Errors).FullyQualifiedErrorId);
        Assert.Empty(failed.Output);
    }

    [Fact]
    public async Task A_repair_asks_once_for_each_pair_and_what_was_not_agreed_to_is_left()
    {
        int[] slots = [2300, 2301];
        foreach (var slot in slots)
            await lab.WedgeAsync(slot, keys: 3, moved: 1);
        var declined = new Engine { Consent = _ => false }.Run("Repair-RedisCluster", ("Cluster", lab.Entry), ("Slot", slots));
        Assert.Contains("slots 2300-2301", Assert.Single(declined.Questions), StringComparison.Ordinal);
        Assert.Empty(declined.Output);
        var done = new Engine().Run("Repair-RedisCluster", ("Cluster", lab.Entry), ("Slot", slots));
        Assert.All(done.Output.Cast<RedisSlotMigrationResult>(), result => Assert.Equal(MigrationOutcome.Repaired, result.Outcome));
        Assert.Single(done.Output.Cast<RedisSlotMigrationResult>().Select(result => result.MigrationId).Distinct());
        Assert.Equal(2, done.Output.Count);

        var id = ((RedisSlotMigrationResult)done.Output[0]!).MigrationId!;
        var migration = Assert.IsType<RedisMigration>(Assert.Single(new Engine().Run("Get-RedisMigration", ("Id", id)).Output));
        Assert.Equal(("Repair", 2, false), (migration.Operation, migration.SlotsDone, migration.IsResumable));
        Assert.All(
            new Engine().Run("Undo-RedisSlotMigration", ("Cluster", lab.Entry), ("MigrationId", id)).Output.Cast<RedisSlotMigrationResult>(),
            result => Assert.Equal(MigrationOutcome.RolledBack, result.Outcome));
    }

    [Fact]
    public async Task While_a_run_is_at_work_another_one_is_turned_away_and_may_resume_it_afterwards()
    {
        await lab.WedgeAsync(2400, keys: 300, moved: 0);
        await lab.WedgeAsync(2401, keys: 2, moved: 1);
        var first = new Engine();
        var busy = new Engine();
        var running = Task.Run(() => first.Run("Complete-RedisSlotMigration", ("Cluster", lab.Entry), ("Slot", 2400), ("MaxKeysPerSecond", 30), ("BatchSize", 150)), TestContext.Current.CancellationToken);
        while (ServerProbe.CountKeys(((RedisOpenSlot)Runs.OpenSlots(lab, 2400).Single()!).Target!, 2400) == 0)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        // One batch, then seconds of pause: who holds the lock is met, not who is just moving keys.
        await Task.Delay(300, TestContext.Current.CancellationToken);
        busy.Run("Undo-RedisSlotMigration", ("Cluster", lab.Entry), ("Slot", 2401));
        first.Stop();
        await running;
        Assert.Equal("JournalBusy", busy.TerminatingError!.FullyQualifiedErrorId);

        var left = new Engine().Run("Get-RedisMigration").Output.Cast<RedisMigration>().First(run => run.IsResumable);
        Assert.Equal(MigrationState.Stopped, left.State);
        var resumed = new Engine().Pipe([left with { Cluster = RedisClusterSession.Parse(lab.Entry) }], "Resume-RedisMigration");
        Assert.Equal((2400, MigrationOutcome.Completed), (Assert.IsType<RedisSlotMigrationResult>(Assert.Single(resumed.Output)).Slot, ((RedisSlotMigrationResult)resumed.Output[0]!).Outcome));
    }

    [Theory]
    [InlineData("Resume-RedisMigration", "Id")]
    [InlineData("Undo-RedisSlotMigration", "MigrationId")]
    public void A_run_that_nobody_knows_ends_it(string cmdlet, string parameter) => Assert.Equal(
        "MigrationNotFound", new Engine().Run(cmdlet, ("Cluster", lab.Entry), (parameter, "19990101")).TerminatingError!.FullyQualifiedErrorId);

    private string OtherThanOwnerOf(int slot)
    {
        var nodes = new Engine().Run("Get-RedisClusterNode", ("Cluster", lab.Entry)).Output.Cast<RedisClusterNode>();
        return nodes.First(node => !node.SlotRanges.Any(range => Contains(range, slot))).Endpoint;
    }

    private static bool Contains(string range, int slot)
    {
        var ends = range.Split('-');
        return int.Parse(ends[0], null) <= slot && slot <= int.Parse(ends[^1], null);
    }
}
