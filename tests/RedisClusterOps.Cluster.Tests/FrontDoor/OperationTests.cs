using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>rco start, restart, undo and repair: what they do to the slot, what they print, and how they end.</summary>
[Collection(nameof(FrontDoorCluster))]
public sealed class OperationTests(FrontDoorCluster fixture)
{
    [Theory]
    [InlineData("RoundTrip", 30 + 20)]
    [InlineData("PullBack", 10)]
    public async Task Undo_brings_a_slot_back_with_every_key(string strategy, int moved)
    {
        var slot = await fixture.StuckSlotAsync(keys: 30, moved: 10);
        var run = await fixture.RunAsync("undo", "--json", "--slot", slot.ToString(), "--strategy", strategy);
        run.AssertEnded(0);
        var result = Assert.Single(run.Objects());
        Assert.Equal(("Undo", "RolledBack", moved), (Text(result, "Operation"), Text(result, "Outcome"), result.GetProperty("KeysMoved").GetInt32()));
        Assert.Equal((fixture.Source.Id, fixture.Target.Id), (Text(result, "SourceId"), Text(result, "TargetId")));
        await AssertClosedAsync(fixture.Source, slot, keys: 30);
    }

    [Fact]
    public async Task Undo_of_several_slots_does_those_that_it_can()
    {
        var (closed, stuck) = (fixture.NewSlot(), await fixture.StuckSlotAsync(keys: 4, moved: 1));
        var run = await fixture.RunAsync("undo", "--slot", closed.ToString(), stuck.ToString());
        run.AssertEnded(1);
        Assert.Contains("Failed  slot " + closed + "\n", run.Output);
        Assert.Contains("RolledBack  slot " + stuck + "  " + fixture.Source.Endpoint + " <- " + fixture.Target.Endpoint, run.Output);
        Assert.Single(run.ErrorLines, line => line.StartsWith("error: SlotNotOpen: Slot " + closed));
        await AssertClosedAsync(fixture.Source, stuck, keys: 4);
    }

    [Fact]
    public async Task A_slot_is_opened_sent_elsewhere_and_then_completed_by_its_advice()
    {
        var slot = fixture.NewSlot();
        foreach (var key in LabWedge.KeysOf(slot, 5))
            await fixture.Source.SendAsync("SET", key, LabWedge.ValueOf(key));
        var opened = await fixture.RunAsync("start", "--json", "--slot", slot.ToString(), "--target", fixture.Cluster.Node(1).Endpoint.ToString());
        opened.AssertEnded(0);
        Assert.Equal(("Migrating", fixture.Cluster.Node(1).Id), (Text(opened.Objects().Single(), "State"), Text(opened.Objects().Single(), "TargetId")));
        Assert.NotEqual(JsonValueKind.Null, opened.Objects().Single().GetProperty("Since").ValueKind);

        var sent = await fixture.RunAsync("restart", "--slot", slot.ToString(), "--target", fixture.Target.Endpoint.ToString());
        sent.AssertEnded(0);
        Assert.StartsWith("Restarted  slot " + slot + "  " + fixture.Source.Endpoint + " -> " + fixture.Target.Endpoint, sent.Output);
        Assert.Equal(fixture.Target.Id, (await TestCluster.OwnLineOfAsync(fixture.Source)).MigratingTo[slot]);
        Assert.DoesNotContain(slot, (await TestCluster.OwnLineOfAsync(fixture.Cluster.Node(1))).ImportingFrom.Keys);

        var told = await fixture.RunAsync("open-slots", "--slot", slot.ToString());
        var advice = told.Output.Split('\n').Single(line => line.Contains("next ")).Trim()["next         rco ".Length..].Split("   #")[0];
        (await fixture.Rco.RunAsync(advice.Split(' '))).AssertEnded(0);
        await AssertClosedAsync(fixture.Target, slot, keys: 5);
    }

    [Fact]
    public async Task Repair_brings_stray_keys_to_the_owner()
    {
        var slot = await fixture.StuckSlotAsync(keys: 9, moved: 4);
        await fixture.Source.SendAsync("CLUSTER", "SETSLOT", slot, "STABLE");
        var run = await fixture.RunAsync("repair", "--slot", slot.ToString());
        run.AssertEnded(0);
        Assert.StartsWith("Repaired  slot " + slot, run.Output);
        await AssertClosedAsync(fixture.Source, slot, keys: 9);
    }

    [Fact]
    public async Task Repair_stops_on_a_slot_whose_keys_contradict_each_other_and_does_the_rest()
    {
        var (unclear, clear) = (await fixture.StuckSlotAsync(keys: 9, moved: 4), await fixture.StuckSlotAsync(keys: 3, moved: 1));
        await fixture.Source.SendAsync("CLUSTER", "SETSLOT", unclear, "STABLE");
        var key = LabWedge.KeysOf(unclear, 9)[^1];
        await fixture.Source.SendAsync("SET", key, "written meanwhile");

        var run = await fixture.RunAsync("repair", "--slot", unclear.ToString(), clear.ToString());

        run.AssertEnded(1);
        Assert.Contains("Failed  slot " + unclear, run.Output);
        Assert.Contains("Repaired  slot " + clear, run.Output);
        Assert.StartsWith("error: KeyExistsOnTarget: ", Assert.Single(run.ErrorLines, line => line.StartsWith("error: ")));
        Assert.Equal(3, await TestCluster.CountKeysAsync(fixture.Target, clear));
        Assert.Equal("written meanwhile", (await fixture.Source.SendAsync("GET", key)).Text);
        (await fixture.RunAsync("repair", "--slot", unclear.ToString(), "--on-key-conflict", "KeepSource")).AssertEnded(0);
        await AssertClosedAsync(fixture.Source, unclear, keys: 9);
    }

    [Fact]
    public async Task Repair_says_the_command_that_decides_who_owns_a_slot_of_nobody()
    {
        var slot = await fixture.StuckSlotAsync(keys: 9, moved: 4);
        foreach (var command in new[] { "SETSLOT {0} STABLE", "DELSLOTS {0}" })
        {
            foreach (var node in fixture.Cluster.Nodes)
                await node.AskAsync([.. ("CLUSTER " + string.Format(command, slot)).Split(' ')]);
        }

        var run = await fixture.RunAsync("repair", "--slot", slot.ToString());

        run.AssertEnded(1);
        var error = Assert.Single(run.ErrorLines, line => line.StartsWith("error: "));
        Assert.Contains("Slot " + slot + " is owned by nobody", error);
        Assert.Contains(fixture.Source.Endpoint + " (5 keys)", error);
        Assert.Contains(fixture.Target.Endpoint + " (4 keys)", error);
        var choice = run.Next().TakeWhile(word => word.Length > 0).ToArray();
        Assert.Equal(["repair", "--slot", slot.ToString(), "--target", fixture.Source.Endpoint.ToString()], choice[..5]);

        (await fixture.Rco.RunAsync(choice)).AssertEnded(0);
        await AssertClosedAsync(fixture.Source, slot, keys: 9);
    }

    [Fact]
    public async Task Repair_with_nothing_to_do_is_done()
    {
        var run = await fixture.RunAsync("repair", "--json", "--slot", fixture.NewSlot().ToString());
        run.AssertEnded(0);
        Assert.Equal("Skipped", Text(Assert.Single(run.Objects()), "Outcome"));
    }

    [Theory]
    [InlineData("undo")]
    [InlineData("repair")]
    [InlineData("restart")]
    [InlineData("resume")]
    public async Task What_if_writes_nothing(string command)
    {
        var slot = await fixture.StuckSlotAsync(keys: 9, moved: 4);
        await fixture.Target.SendAsync("CLUSTER", "SETSLOT", slot, "STABLE");
        string[] arguments = command == "resume" ? [command, "--what-if"] : [command, "--what-if", "--slot", slot.ToString()];
        var before = await CommandCounts.ReadAsync(fixture.Cluster.Nodes);

        var run = await fixture.RunAsync(arguments);

        run.AssertEnded(0);
        Assert.Empty((await CommandCounts.ReadAsync(fixture.Cluster.Nodes)).WritesSince(before));
        Assert.Contains("on " + fixture.Target.Endpoint + ": CLUSTER SETSLOT " + slot + " IMPORTING " + fixture.Source.Id, run.Output);
        Assert.Contains("nothing was written; to do it: rco " + command, run.Output);
        (await fixture.RunAsync("complete", "--slot", slot.ToString())).AssertEnded(0);
    }

    [Fact]
    public async Task What_if_of_a_slot_that_can_not_be_decided_is_a_plan_without_commands_that_says_why()
    {
        var slot = fixture.NewSlot();
        var run = await fixture.RunAsync("repair", "--what-if", "--json", "--slot", slot.ToString(), "--target", "nobody:1");
        run.AssertEnded(2);
        Assert.Equal(string.Empty, run.Output);
        Assert.StartsWith("error: NodeNotFound: No node is called 'nobody:1'.", run.ErrorLines[0]);

        var text = Console.Output.JsonLine.Of(new SlotPlan { Slot = 7, Refusal = new RedisOperationException(FailureCode.SlotStateUnsuitable, "why", "7", "what next") });
        var refusal = JsonDocument.Parse(text).RootElement.GetProperty("Refusal");
        Assert.Equal(("SlotStateUnsuitable", "why", "7", "what next"), (Text(refusal, "Code"), Text(refusal, "Message"), Text(refusal, "Subject"), Text(refusal, "NextStep")));
    }

    private async Task AssertClosedAsync(LocalNode owner, int slot, int keys)
    {
        foreach (var node in fixture.Cluster.Nodes)
        {
            var line = await TestCluster.OwnLineOfAsync(node);
            Assert.Equal(node.Id == owner.Id, line.Slots.Contains(slot));
            Assert.False(line.MigratingTo.ContainsKey(slot) || line.ImportingFrom.ContainsKey(slot), node.Endpoint + " has it open");
            Assert.Equal(node.Id == owner.Id ? keys : 0, await TestCluster.CountKeysAsync(node, slot));
        }

        Assert.True((await fixture.Cluster.Wedge().ReadBackAsync(slot, keys)).IsComplete);
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
