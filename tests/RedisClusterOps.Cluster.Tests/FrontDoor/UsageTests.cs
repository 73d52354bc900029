using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>What can't be done as it was asked is refused with status 2 and one line that says why, before anything is touched.</summary>
public sealed class UsageTests : System.IDisposable
{
    private readonly RcoHome _rco = new();

    public void Dispose() => _rco.Dispose();

    [Theory]
    [InlineData("Usage: --slot takes a whole number from 0 to 16383; not '16384'.", "complete", "--slot", "16384")]
    [InlineData("Usage: --slot takes a whole number from 0 to 16383; not '-1'.", "complete", "--slot", "-1")]
    [InlineData("Usage: --slot takes a whole number from 0 to 16383; not 'abc'.", "open-slots", "--slot", "1,abc")]
    [InlineData("Usage: --slot takes a whole number from 0 to 16383; not ''.", "complete", "--slot", "")]
    [InlineData("Usage: --slot takes a whole number from 0 to 16383; not ','.", "open-slots", "--slot", ",")]
    [InlineData("Usage: Option '--slot' is required.", "complete")]
    [InlineData("Usage: Unrecognized command or argument '--nope'.", "check", "--nope")]
    [InlineData("Usage: Unrecognized command or argument 'stray'.", "check", "stray")]
    [InlineData("Usage: 'chek' is no command of rco.", "chek")]
    [InlineData("Usage: 'side' is no command of rco lab.", "lab", "side")]
    [InlineData("Usage: Option '--target' is required.", "start", "--slot", "1")]
    [InlineData("Usage: undo takes --slot or --migration-id, one of them.", "undo")]
    [InlineData("Usage: undo takes --slot or --migration-id, one of them.", "undo", "--slot", "1", "--migration-id", "2026")]
    [InlineData("Usage: --migration-id takes no --source and no --target: the journal knows them.", "undo", "--migration-id", "2026", "--target", "x")]
    [InlineData("Usage: --strategy takes RoundTrip, PullBack; not 'maybe'.", "undo", "--slot", "1", "--strategy", "maybe")]
    [InlineData("Usage: --timeout takes a time above zero with its unit, such as 10ms, 5s or 30m; not '5'.", "complete", "--slot", "1", "--timeout", "5")]
    [InlineData("Usage: --batch-size takes a whole number from 0 to 100000; not '-1'.", "complete", "--slot", "1", "--batch-size", "-1")]
    [InlineData("Usage: --on-key-conflict takes Stop, KeepSource, KeepTarget; not 'maybe'.", "complete", "--slot", "1", "--on-key-conflict", "maybe")]
    [InlineData("Usage: --weight takes node=weight with a weight of 0 or more, such as 10.0.0.1:6379=2; not 'h:1'.", "plan", "--weight", "h:1")]
    [InlineData("Usage: --weight takes node=weight with a weight of 0 or more, such as 10.0.0.1:6379=2; not 'h:1=-1'.", "plan", "--weight", "h:1=-1")]
    [InlineData("Usage: --weight takes node=weight with a weight of 0 or more, such as 10.0.0.1:6379=2; not 'h:1=NaN'.", "plan", "--weight", "h:1=NaN")]
    [InlineData("Usage: --weight names h:1 twice.", "plan", "--weight", "h:1=1", "--weight", "h:1=2")]
    [InlineData("Usage: --threshold takes a number from 0 to 100; not '101'.", "plan", "--threshold", "101")]
    [InlineData("Usage: --by takes Slots, Keys, Memory; not 'luck'.", "plan", "--by", "luck")]
    [InlineData("Usage: --role takes Master, Replica; not '\\x1b[31m'.", "nodes", "--role", "\u001b[31m")]
    [InlineData("Usage: --width takes a whole number from 40 to 1000; not '39'.", "map", "--width", "39")]
    [InlineData("Usage: Option '--path' is required.", "report")]
    [InlineData("Usage: --path is empty.", "report", "--path", "")]
    [InlineData("Usage: --state-path is empty.", "alerts", "--state-path", "", "--cluster", "127.0.0.1:1")]
    [InlineData("Usage: --state-path is empty.", "open-slots", "--state-path", "", "--cluster", "127.0.0.1:1")]
    [InlineData("Usage: --state-path is empty.", "report", "--path", "x.html", "--state-path", "", "--cluster", "127.0.0.1:1")]
    [InlineData("Usage: --moved can't be more than --keys.", "lab", "wedge", "--keys", "1", "--moved", "2")]
    [InlineData("Usage: No lab is running.", "lab", "wedge")]
    [InlineData("Usage: --user needs a password: set REDISCLI_AUTH, or give --password-file.", "check", "--cluster", "127.0.0.1:1", "--user", "bob")]
    [InlineData("Usage: There is no certificate file '/nowhere/ca.pem'.", "check", "--cluster", "127.0.0.1:1", "--ca-certificate-path", "/nowhere/ca.pem")]
    [InlineData("NoCluster: No cluster was named with --cluster, and no lab is running.", "check")]
    [InlineData("ConnectionFailed: No node of the cluster could be read. Cannot connect to 127.0.0.1:1: connection refused.", "check", "--cluster", "127.0.0.1:1")]
    public async Task It_is_refused_in_one_line(string error, params string[] arguments) => (await _rco.RunAsync(arguments)).AssertRefused(error);

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("http://127.0.0.1")]
    [InlineData("127.0.0.1:1,colour=red")]
    [InlineData("\u001b]0;title\u0007:1")]
    public async Task A_text_that_names_no_cluster_is_refused_with_an_example_of_one(string text)
    {
        var run = await _rco.RunAsync("check", "--cluster", text);
        run.AssertEnded(2);
        Assert.StartsWith("error: InvalidConnectionString: ", run.ErrorLines[0]);
        Assert.Contains("Example: ", run.ErrorLines[0]);
        Assert.Equal(2, run.ErrorLines.Count);
        Assert.DoesNotContain('\u001b', run.Errors);
        Assert.DoesNotContain('\u0007', run.Errors);
    }

    [Fact]
    public async Task A_command_group_alone_shows_its_help_and_is_no_success()
    {
        var run = await _rco.RunAsync("lab");
        run.AssertEnded(2);
        Assert.Contains("Usage:", run.Output);
        Assert.Contains("wedge", run.Output);
    }

    [Fact]
    public async Task A_server_outside_cluster_mode_is_called_that()
    {
        var port = LoopbackPorts.Take();
        var folder = Directory.CreateTempSubdirectory("redisclusterops-alone-");
        using var server = ServerProcess.Start(Servers.Get(Servers.Redis70), ["--port", port.ToString(), "--bind", "127.0.0.1", "--save", ""], folder.FullName);
        try
        {
            await UntilUpAsync(new NodeEndpoint("127.0.0.1", port));
            var run = await _rco.RunAsync("check", "--cluster", "127.0.0.1:" + port);
            run.AssertEnded(2);
            Assert.Equal(string.Empty, run.Output);
            Assert.StartsWith("error: NotAClusterNode: ", run.ErrorLines[0]);
            Assert.Contains("127.0.0.1:" + port, run.ErrorLines[0]);
            Assert.Equal(2, run.ErrorLines.Count);
        }
        finally
        {
            server.Kill();
            folder.Delete(recursive: true);
            LoopbackPorts.GiveBack(port);
        }
    }

    private static async Task UntilUpAsync(NodeEndpoint endpoint)
    {
        var connector = new NodeConnector(new ConnectionOptions());
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var connection = await connector.ConnectAsync(endpoint, default);
                return;
            }
            catch (RedisOperationException) when (attempt < 100)
            {
                await Task.Delay(50);
            }
        }
    }
}
