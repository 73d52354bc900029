using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>What scripts rely on: standard output is JSON and nothing else, and the names in it are spelled as the cmdlets' properties.</summary>
[Collection(nameof(FrontDoorCluster))]
public sealed class JsonContractTests(FrontDoorCluster fixture)
{
    private const string OpenSlot = "Slot State Owner Source SourceId Target TargetId KeysOnSource KeysOnTarget PercentComplete Since Advice Cluster";
    private const string Result = "Slot Operation Outcome Source SourceId Target TargetId KeysMoved KeysConflicting Method Elapsed Reason MigrationId Cluster";
    private const string Health = "Healthy Findings Nodes OpenSlots";
    private const string Finding = "Code Severity Target Message Advice";
    private const string Node = "Id Host Port Endpoint Role MasterId State LinkState ConfigEpoch SlotCount SlotRanges KeyCount UsedMemory MaxMemory OpsPerSecond CpuPercent "
        + "ReplicationOffset ReplicationLag MasterLinkStatus BacklogSize Replicas Engine Version Cluster";

    [Fact]
    public async Task Nodes_are_one_line_each()
    {
        var run = await fixture.RunAsync("nodes", "--json");
        run.AssertEnded(0);
        Assert.Equal(string.Empty, run.Errors);
        Assert.Equal(4, run.Objects().Count);
        Assert.All(run.Objects(), node => AssertHas(Node, node));

        var source = run.Objects().Single(node => node.GetProperty("Id").GetString() == fixture.Source.Id);
        Assert.Equal(fixture.Source.Endpoint.ToString(), source.GetProperty("Endpoint").GetString());
        Assert.Equal(("Master", "Ok", "Redis"), (Text(source, "Role"), Text(source, "State"), Text(source, "Engine")));
        Assert.Equal(fixture.Source.Endpoint.Port, source.GetProperty("Port").GetInt32());
        Assert.Equal(JsonValueKind.Null, source.GetProperty("MasterId").ValueKind);
        Assert.Equal(JsonValueKind.Array, source.GetProperty("SlotRanges").ValueKind);
        Assert.True(source.GetProperty("UsedMemory").GetInt64() > 0);
        Assert.Equal(fixture.Entry, Text(source, "Cluster"));
    }

    [Fact]
    public async Task Nodes_can_be_chosen_by_name_and_role()
    {
        var one = Assert.Single((await fixture.RunAsync("nodes", "--json", "--node", fixture.Target.Id[..10])).Objects());
        Assert.Equal(fixture.Target.Id, Text(one, "Id"));
        var none = await fixture.RunAsync("nodes", "--json", "--role", "replica");
        none.AssertEnded(0);
        Assert.Equal(string.Empty, none.Output);
    }

    [Fact]
    public async Task Open_slots_are_one_line_each_and_there_being_some_is_status_1()
    {
        var slot = await fixture.StuckSlotAsync(keys: 7, moved: 2);
        var run = await fixture.RunAsync("open-slots", "--json", "--slot", slot.ToString());
        run.AssertEnded(1);
        Assert.Equal(string.Empty, run.Errors);
        var open = Assert.Single(run.Objects());
        AssertHas(OpenSlot, open);
        Assert.Equal((slot, "Migrating"), (open.GetProperty("Slot").GetInt32(), Text(open, "State")));
        Assert.Equal((fixture.Source.Id, fixture.Target.Id), (Text(open, "SourceId"), Text(open, "TargetId")));
        Assert.Equal((fixture.Source.Endpoint.ToString(), fixture.Source.Endpoint.ToString(), fixture.Target.Endpoint.ToString()), (Text(open, "Owner"), Text(open, "Source"), Text(open, "Target")));
        Assert.Equal((5, 2, 28), (open.GetProperty("KeysOnSource").GetInt32(), open.GetProperty("KeysOnTarget").GetInt32(), open.GetProperty("PercentComplete").GetInt32()));
        Assert.Equal(JsonValueKind.Null, open.GetProperty("Since").ValueKind);
        Assert.Equal("Complete-RedisSlotMigration -Slot " + slot, Text(open, "Advice"));
    }

    [Fact]
    public async Task Alerts_are_one_line_each_and_a_run_of_cron_goes_on_with_the_file_of_the_one_before()
    {
        var slot = await fixture.StuckSlotAsync(keys: 25, moved: 13);
        var state = System.IO.Path.Combine(fixture.Rco.Folder("watch"), "state.json");
        Assert.DoesNotContain((await fixture.RunAsync("alerts", "--json", "--state-path", state)).Objects(), alert => Text(alert, "Target") == slot.ToString());

        // Starting rco takes longer than that.
        var run = await fixture.RunAsync("alerts", "--json", "--state-path", state, "--stuck-after", "1ms");

        run.AssertEnded(1);
        Assert.Equal(string.Empty, run.Errors);
        var alert = run.Objects().Single(alert => Text(alert, "Target") == slot.ToString());
        AssertHas("Code Severity Target Since IsSinceExact Threshold Message Advice PercentComplete KeysLeft ObservedAt Cluster", alert);
        Assert.Equal(("SlotStuck", "Error", 52), (Text(alert, "Code"), Text(alert, "Severity"), alert.GetProperty("PercentComplete").GetInt32()));
        var shown = await fixture.RunAsync("alerts", "--state-path", state, "--stuck-after", "1ms");
        Assert.Contains("SlotStuck  " + slot + "  since at least ", shown.Output);
        Assert.Contains("next   rco complete --slot " + slot + " --cluster ", shown.Output);
        var open = Assert.Single((await fixture.RunAsync("open-slots", "--json", "--slot", slot.ToString(), "--state-path", state)).Objects());
        Assert.Equal(JsonValueKind.String, open.GetProperty("Since").ValueKind);
    }

    [Fact]
    public async Task Links_are_one_line_each_and_all_up_is_status_0()
    {
        var run = await fixture.RunAsync("links", "--json", "--count", "3");
        run.AssertEnded(0);
        Assert.Equal(16, run.Objects().Count);
        Assert.All(run.Objects(), link => AssertHas("Kind Source SourceId Target TargetId State Sent Received Loss Min Mean P99 Max Jitter SendQueue Age PingAge PongAge Trouble Cluster", link));
        Assert.Equal(4, run.Objects().Count(link => Text(link, "Kind") == "ClientToNode" && link.GetProperty("Received").GetInt32() == 3));
        Assert.Contains("MEAN MS", (await fixture.RunAsync("links", "--count", "3")).Output);
    }

    [Fact]
    public async Task No_open_slot_is_no_line_and_status_0()
    {
        var run = await fixture.RunAsync("open-slots", "--json", "--slot", fixture.NewSlot().ToString());
        run.AssertEnded(0);
        Assert.Equal((string.Empty, string.Empty), (run.Output, run.Errors));
    }

    [Fact]
    public async Task A_check_is_one_line_with_everything_in_it()
    {
        var slot = await fixture.StuckSlotAsync(keys: 3, moved: 1);
        var run = await fixture.RunAsync("check", "--json");
        run.AssertEnded(1);
        Assert.Equal(string.Empty, run.Errors);
        var health = Assert.Single(run.Objects());
        AssertHas(Health, health);
        Assert.False(health.GetProperty("Healthy").GetBoolean());
        Assert.Equal(4, health.GetProperty("Nodes").GetArrayLength());
        Assert.All(health.GetProperty("Nodes").EnumerateArray(), node => AssertHas(Node, node));
        Assert.All(health.GetProperty("OpenSlots").EnumerateArray(), open => AssertHas(OpenSlot, open));
        Assert.All(health.GetProperty("Findings").EnumerateArray(), finding => AssertHas(Finding, finding));
        var found = health.GetProperty("Findings").EnumerateArray().Single(finding => Text(finding, "Target") == slot.ToString());
        Assert.Equal(("SlotOpen", "Error"), (Text(found, "Code"), Text(found, "Severity")));

        var quiet = await fixture.RunAsync("check", "--quiet");
        quiet.AssertEnded(1);
        Assert.Equal("false\n", quiet.Output);
    }

    [Fact]
    public async Task A_completion_is_one_line_and_what_goes_on_meanwhile_is_on_standard_error()
    {
        var slot = await fixture.StuckSlotAsync(keys: 40, moved: 10);
        var run = await fixture.RunAsync("complete", "--json", "--slot", slot.ToString());
        run.AssertEnded(0);
        var result = Assert.Single(run.Objects());
        AssertHas(Result, result);
        Assert.Equal((slot, "Complete", "Completed"), (result.GetProperty("Slot").GetInt32(), Text(result, "Operation"), Text(result, "Outcome")));
        Assert.Equal((30, 0), (result.GetProperty("KeysMoved").GetInt32(), result.GetProperty("KeysConflicting").GetInt32()));
        Assert.Equal((fixture.Source.Id, fixture.Target.Id, "KeyByKey"), (Text(result, "SourceId"), Text(result, "TargetId"), Text(result, "Method")));
        Assert.Matches(@"^\d\d:\d\d:\d\d(\.\d+)?$", Text(result, "Elapsed"));
        Assert.Contains("30 keys moved", run.Errors);
        Assert.True((await fixture.Cluster.Wedge().ReadBackAsync(slot, 40)).IsComplete);
        Assert.Contains(slot, (await TestCluster.OwnLineOfAsync(fixture.Target)).Slots.Slots);
    }

    [Fact]
    public async Task A_slot_that_fails_has_its_line_too_and_the_others_are_completed()
    {
        var (closed, stuck) = (fixture.NewSlot(), await fixture.StuckSlotAsync(keys: 4, moved: 1));
        var run = await fixture.RunAsync("complete", "--json", "--slot", closed + "," + stuck);
        run.AssertEnded(1);
        Assert.Equal(["Failed", "Completed"], run.Objects().Select(result => Text(result, "Outcome")));
        Assert.All(run.Objects(), result => AssertHas(Result, result));
        Assert.Contains("is not open", Text(run.Objects()[0], "Reason"));
        Assert.Single(run.ErrorLines, line => line.StartsWith("error: SlotNotOpen: Slot " + closed + " is not open"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_if_prints_the_plan_and_writes_nothing(bool json)
    {
        var slot = await fixture.StuckSlotAsync(keys: 9, moved: 4);
        var before = await CommandCounts.ReadAsync(fixture.Cluster.Nodes);

        var run = await fixture.RunAsync(["complete", "--what-if", "--slot", slot.ToString(), .. json ? ["--json"] : (string[])[]]);

        run.AssertEnded(0);
        Assert.Empty((await CommandCounts.ReadAsync(fixture.Cluster.Nodes)).WritesSince(before));
        Assert.Equal(fixture.Target.Id, (await TestCluster.OwnLineOfAsync(fixture.Source)).MigratingTo[slot]);
        Assert.Equal(5, await TestCluster.CountKeysAsync(fixture.Source, slot));
        var takeOver = "CLUSTER SETSLOT " + slot + " NODE " + fixture.Target.Id;
        if (json)
        {
            var plan = Assert.Single(run.Objects());
            var commands = plan.GetProperty("Commands").EnumerateArray().Select(command => Text(command, "Node") + " " + Text(command, "Command")).ToList();
            Assert.StartsWith(fixture.Source.Endpoint + " MIGRATE ", commands[0]);
            Assert.Equal(fixture.Target.Endpoint + " " + takeOver, commands[1]);
        }
        else
        {
            Assert.Contains("on " + fixture.Target.Endpoint + ": " + takeOver, run.Output);
            Assert.EndsWith("nothing was written; to do it: rco complete --slot " + slot + " --cluster " + fixture.Entry + "\n", run.Output);
        }
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private static void AssertHas(string names, JsonElement element)
    {
        var there = element.EnumerateObject().Select(property => property.Name).ToHashSet();
        Assert.Equal([], names.Split(' ').Except(there));
    }
}
