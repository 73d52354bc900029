using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Shell;
using RedisClusterOps.Core.Tests.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>A hostile server sends false data, stalls, closes the connection, floods, and sends terminal escapes.</summary>
/// <remarks>Every read ends within seconds with an error in our own words.</remarks>
public sealed class HostileServerTests(CmdletShell shell) : IClassFixture<CmdletShell>
{
    private const string Id = "0123456789012345678901234567890123456789";
    private const string Other = "abcdefabcdefabcdefabcdefabcdefabcdefabcd";

    // Colours, a title, a cleared screen, C1 codes, a bidirectional override in UTF-8 bytes, and markup of tables and HTML.
    private const string Evil = "\x1b[2J\x1b]0;owned\a\u009b31m[red]x[/]\b\u00e2\u0080\u00ae<img/src=x/onerror=alert(1)>&lt;\"'";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task No_control_character_of_a_server_reaches_the_screen()
    {
        FakeNode? node = null;
        await using var listening = node = FakeNode.Answering(command => Answer(command, node!.Endpoint));
        var endpoint = node.Endpoint.ToString();
        var files = JournalOfTests.NewFolder();
        foreach (var line in new[]
        {
            "Get-RedisClusterHealth", "Get-RedisClusterHealth -Deep", "Get-RedisClusterNode", "Get-RedisClusterInfo", "Get-RedisOpenSlot",
            "Get-RedisSlotKey 5 -Detail", "Get-RedisKeySlot a", "Complete-RedisSlotMigration 5", "Complete-RedisSlotMigration 7",
            "Move-RedisSlotKey 5",
            $"Start-RedisSlotMigration 9 -Target {Other[..8]}", "Restart-RedisSlotMigration 5", "Undo-RedisSlotMigration 5 -WhatIf",
            "Repair-RedisCluster -WhatIf", "New-RedisRebalancePlan", $"Move-RedisSlot 9 -Target {Other[..8]}", "Show-RedisSlotMap",
            "Measure-RedisClusterLink", "Measure-RedisClusterTraffic -Interval 10ms", "Get-RedisClusterAlert",
            $"Get-RedisClusterAlert -StatePath '{files}/state.json'",
            $"Export-RedisClusterReport '{files}/report.html'; Get-RedisClusterNode",
        })
        {
            // As a table, as a list and as JSON.
            var run = await shell.RunAsync($$"""
                $VerbosePreference = $DebugPreference = 'Continue'
                $PSDefaultParameterValues = @{ '*-Redis*:Cluster' = '{{endpoint}}' }
                {{line}} | Tee-Object -Variable all | Out-String -Width 200
                $all | Format-List * | Out-String -Width 200
                $all | ConvertTo-Json -Depth 4 -WarningAction SilentlyContinue
                """);
            Assert.True(run.Output.Count + run.Errors.Count > 0 && run.Debug.Count > 0, run.ToString());
            // A failure that the core foresaw, not an exception of the runtime.
            Assert.All(run.Errors, error => Assert.True(Enum.TryParse<FailureCode>(error.Code, out _), run.ToString()));
            AssertPlain(run.Text);
        }

        // Other programs read the page and the watcher's state file later.
        AssertPlain(File.ReadAllText(Path.Combine(files, "state.json")));
        var page = File.ReadAllText(Path.Combine(files, "report.html"));
        AssertPlain(page);
        Assert.DoesNotContain("<img", page);
        Assert.Contains(Other[..8], page);
    }

    public static TheoryData<string, string> FalseReplies => new()
    {
        { "no line of its own", Lines($"{Other} 127.0.0.1:1@2 master - 0 0 1 connected 0-16383") },
        { "an id with escapes", Lines($"{Evil} 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-16383") },
        { "a slot too many", Lines($"{Id} 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-16384") },
        { "a port too high", Lines($"{Id} 127.0.0.1:99999@2 myself,master - 0 0 1 connected 0-16383") },
        { "a number for a text", ":5\r\n" },
        { "nothing", "_\r\n" },
        { "an error with escapes", $"-ERR {Evil}\r\n" },
        { "depth", string.Concat(Enumerable.Repeat("*1\r\n", 100_000)) },
        { "a claim of gigabytes", "$2147483647\r\n" },
        { "a claim of elements", "*2147483647\r\n" },
        { "a line without end", "+" + new string('x', 1 << 20) },
        { "another protocol", "HTTP/1.1 200 OK\r\n\r\n" },
    };

    [Theory]
    [MemberData(nameof(FalseReplies))]
    public async Task A_false_reply_is_an_error_of_one_line(string lie, string reply)
    {
        await using var node = FakeNode.Answering(command => command == "CLUSTER NODES" ? reply : "+OK\r\n");
        await AssertRefusedAsync(node, lie);
    }

    [Fact]
    public async Task A_server_that_claims_a_billion_databases_is_rejected()
    {
        FakeNode? node = null;
        await using var listening = node = FakeNode.Answering(command => command switch
        {
            "CLUSTER NODES" => Lines(Own(node!.Endpoint)),
            "INFO" => Bulk("server_name:valkey\r\nvalkey_version:9.1.2\r\ndb2147483646:keys=1\r\n"),
            "CONFIG GET cluster-databases" => "*2\r\n" + Bulk("cluster-databases") + Bulk("1000000000"),
            _ => "+OK\r\n",
        });
        await AssertRefusedAsync(node, "databases");
    }

    [Fact]
    public async Task A_node_that_stalls_times_out()
    {
        await using var node = FakeNode.AfterLogin(session => session.StallAsync());
        await AssertRefusedAsync(node, "silence");
    }

    [Fact]
    public async Task A_connection_that_closes_within_a_reply_is_an_error()
    {
        await using var node = FakeNode.AfterLogin(async session =>
        {
            await session.ReceiveAsync();
            await session.SendAsync("$100\r\nhalf");
        });
        await AssertRefusedAsync(node, "a broken reply");
    }

    [Fact]
    public async Task A_flood_uses_no_more_memory_than_the_limits_allow()
    {
        var sent = 0L;
        await using var node = FakeNode.AfterLogin(async session =>
        {
            await session.ReceiveAsync();
            var flood = new byte[1 << 20];
            Array.Fill(flood, (byte)'x');
            await session.SendAsync("$536870912\r\n");
            while (true)
            {
                await session.SendAsync(flood);
                sent += flood.Length;
            }
        });
        await AssertRefusedAsync(node, "a flood", new Protocol.RespLimits { MaxStringLength = 1 << 20, MaxReplyLength = 1 << 21 });
        Assert.InRange(sent, 0, 64L << 20);
    }

    [Fact]
    public async Task A_server_that_lists_thousands_of_failed_nodes_is_shown_as_it_is()
    {
        FakeNode? node = null;
        await using var listening = node = FakeNode.Answering(command => command == "CLUSTER NODES"
            ? Lines([Own(node!.Endpoint), .. Enumerable.Range(0, 3_000).Select(Failed)])
            : "+OK\r\n");
        using var core = Core(node);
        var nodes = await core.GetNodesAsync(default).WaitAsync(Soon);
        Assert.Equal(3_001, nodes.Count);
        Assert.Single(nodes, known => known.Trouble is null);

        static string Failed(int number) => number.ToString("x40") + " 127.0.0.1:1@2 master,fail - 0 0 1 disconnected";
    }

    private static void AssertPlain(string text) =>
        Assert.DoesNotContain(text, c => c != '\n' && (char.IsControl(c) || char.GetUnicodeCategory(c)
            is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator));

    private static async Task AssertRefusedAsync(FakeNode node, string lie, Protocol.RespLimits? limits = null)
    {
        using var core = Core(node, limits);
        var failure = await Assert.ThrowsAnyAsync<RedisOperationException>(() => core.GetNodesAsync(default).WaitAsync(Soon));
        Assert.Contains(node.Endpoint.ToString(), failure.Message);
        Assert.True(failure.Message.Length < 1000 && !failure.Message.Any(char.IsControl), lie + ": " + failure.Message);
    }

    private static RedisCluster Core(FakeNode node, Protocol.RespLimits? limits = null) => new(new RedisClusterSession(
        [node.Endpoint],
        new Protocol.ConnectionOptions
        {
            ConnectTimeout = TimeSpan.FromSeconds(1),
            CommandTimeout = TimeSpan.FromSeconds(1),
            Limits = limits ?? new(),
        }));

    private static string Answer(string command, NodeEndpoint endpoint) => command switch
    {
        "CLUSTER NODES" => Lines(
            Own(endpoint) + $" [5->-{Other}]", $"{Other} {Evil}:7000@17000,{Evil} master - 0 0 2 connected 16000-16383"),
        "CLUSTER INFO" => Bulk($"cluster_state:{Evil}\r\ncluster_known_nodes:{Evil}\r\n{Evil}:1\r\n"),
        "INFO" or "INFO cpu" => Bulk(
            $"redis_version:7.0.15{Evil}\r\nrole:{Evil}\r\nmaxmemory:1\r\nmaxmemory_policy:{Evil}\r\nmaster_link_status:{Evil}\r\n"
            + $"slave0:ip={Evil},port=1,state={Evil},offset=1,lag=1\r\ndb0:keys=1{Evil}\r\n"),
        "DBSIZE" => ":1\r\n",
        "CLUSTER COUNTKEYSINSLOT 5" or "CLUSTER COUNTKEYSINSLOT 9" => ":1\r\n",
        _ when command.StartsWith("CLUSTER GETKEYSINSLOT", StringComparison.Ordinal) => $"*1\r\n{Bulk(Evil)}",
        _ when command.StartsWith("CLIENT SETNAME", StringComparison.Ordinal) => "+OK\r\n",
        "CLIENT LIST" => Bulk($"id=3 addr={Evil} name={Evil} idle=0 cmd=cluster|setslot user={Evil}\n"),
        _ => $"-ERR {Evil} of {command[..Math.Min(command.Length, 20)]}\r\n",
    };

    private static string Own(NodeEndpoint endpoint) => $"{Id} {endpoint}@1 myself,master - 0 0 1 connected 0-15999";

    private static string Lines(params IEnumerable<string> lines) => Bulk(string.Join('\n', lines) + "\n");

    private static string Bulk(string text) => $"${text.Length}\r\n{text}\r\n";
}
