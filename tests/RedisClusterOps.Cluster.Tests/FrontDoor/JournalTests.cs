using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>rco migrations and resume, and undo of a whole run: from what the runs wrote down.</summary>
[Collection(nameof(FrontDoorCluster))]
public sealed class JournalTests(FrontDoorCluster fixture)
{
    private const string Migration = "Id Operation State Started LastProgress SlotCount SlotsDone SlotsFailed SlotsLeft KeysMoved IsRunning IsResumable Slots Cluster";

    [Fact]
    public async Task A_run_that_was_killed_is_listed_without_a_cluster_and_resumed_to_the_end()
    {
        var slot = await fixture.StuckSlotAsync(keys: 2_000, moved: 0);
        using (var first = fixture.Rco.Start("complete", "--slot", slot.ToString(), "--max-keys-per-second", "100", "--batch-size", "1000", "--cluster", fixture.Entry))
        {
            while (await TestCluster.CountKeysAsync(fixture.Target, slot) < 100)
                await Task.Delay(20);
            var running = Assert.Single((await fixture.Rco.RunAsync("migrations", "--running", "--json")).Objects());
            Assert.Equal(("Complete", "Running"), (running.GetProperty("Operation").GetString(), running.GetProperty("State").GetString()));

            // Another run keeps away from the cluster meanwhile, also while no key is being moved.
            var busy = await fixture.RunAsync("undo", "--slot", (await fixture.StuckSlotAsync(keys: 2, moved: 1)).ToString());
            busy.AssertEnded(2);
            Assert.StartsWith("error: JournalBusy: ", busy.ErrorLines.First(line => line.StartsWith("error: ")));
        }

        var listed = await fixture.Rco.RunAsync("migrations");
        listed.AssertEnded(0);
        Assert.Contains("Complete   Interrupted", listed.Output);
        var left = (await fixture.Rco.RunAsync("migrations", "--json", "--cluster", fixture.Entry)).Objects()[0];
        Assert.Equal([], Migration.Split(' ').Except(left.EnumerateObject().Select(property => property.Name)));
        Assert.True(left.GetProperty("IsResumable").GetBoolean());
        var id = left.GetProperty("Id").GetString()!;
        Assert.Equal(["resume", "--id", id], listed.Next()[..3]);

        var resumed = await fixture.RunAsync("resume", "--id", id, "--json");
        resumed.AssertEnded(0);
        var result = Assert.Single(resumed.Objects());
        Assert.Equal((slot, "Completed"), (result.GetProperty("Slot").GetInt32(), result.GetProperty("Outcome").GetString()));
        Assert.True((await fixture.Cluster.Wedge().ReadBackAsync(slot, 2_000)).IsComplete);

        var again = await fixture.RunAsync("resume", "--id", id, "--json");
        again.AssertEnded(0);
        Assert.Equal("Skipped", Assert.Single(again.Objects()).GetProperty("Outcome").GetString());
    }

    [Fact]
    public async Task A_whole_run_is_undone_the_last_slot_first()
    {
        int[] slots = [await fixture.StuckSlotAsync(3, 1), await fixture.StuckSlotAsync(4, 2)];
        var done = await fixture.RunAsync("complete", "--json", "--slot", slots[0].ToString(), slots[1].ToString());
        done.AssertEnded(0);
        var id = done.Objects().Select(result => result.GetProperty("MigrationId").GetString()!).Distinct().Single();

        var undone = await fixture.RunAsync("undo", "--json", "--migration-id", id);

        undone.AssertEnded(0);
        Assert.Equal(slots.Reverse(), undone.Objects().Select(result => result.GetProperty("Slot").GetInt32()));
        Assert.All(undone.Objects(), result => Assert.Equal("RolledBack", result.GetProperty("Outcome").GetString()));
        Assert.Equal((3, 4), (await TestCluster.CountKeysAsync(fixture.Source, slots[0]), await TestCluster.CountKeysAsync(fixture.Source, slots[1])));

        var shown = await fixture.Rco.RunAsync("migrations", "--id", id);
        shown.AssertEnded(0);
        Assert.Contains(slots[0] + "  Complete", shown.Output);
    }

    [Theory]
    [InlineData("migrations", "--id")]
    [InlineData("resume", "--id")]
    [InlineData("undo", "--migration-id")]
    public async Task A_run_that_the_journal_does_not_know_is_refused(string command, string option)
    {
        var run = await fixture.RunAsync(command, option, "19990101");
        run.AssertEnded(2);
        Assert.StartsWith("error: MigrationNotFound: ", run.ErrorLines[0]);
        Assert.StartsWith("next: rco migrations", run.ErrorLines[1]);
    }

    [Fact]
    public async Task Without_any_run_there_is_no_line()
    {
        var none = await fixture.Rco.RunAsync("migrations", "--json", "--journal-path", fixture.Rco.Folder("empty-journal"));
        none.AssertEnded(0);
        Assert.Equal((string.Empty, string.Empty), (none.Output, none.Errors));
    }
}
