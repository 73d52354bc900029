using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Simulation.Reality;

/// <summary>One line of a script: a command, its node, and the expected reply.</summary>
internal sealed record ScriptLine(string Text, IReadOnlyList<string> Servers, bool Eventually, string[] Words, string? Expected);

/// <summary>A cluster, real or simulated, on which scripts run.</summary>
internal interface IStage
{
    /// <summary>The name of the server. Some lines of a script apply to certain servers only.</summary>
    string Server { get; }

    int Slot { get; }

    /// <summary>A key of the slot.</summary>
    byte[] Key(string name);

    string IdOf(string node);

    NodeEndpoint EndpointOf(string node);

    /// <summary>Sends a command to S, T, O or R, always on the same connection.</summary>
    Task<RespValue> SendAsync(string node, RespCommand command);

    Task FailOverAsync(string node);

    /// <summary>Waits for half a second.</summary>
    Task PauseAsync();

    /// <summary>Waits for a moment before the next attempt.</summary>
    /// <returns>False after too many attempts.</returns>
    Task<bool> WaitAsync(int attempts);
}

/// <summary>Commands with the replies of real servers. The file documents its format.</summary>
internal sealed class CommandScript(string name, IReadOnlyList<ScriptLine> lines)
{
    private static readonly string[] Nodes = ["S", "T", "O", "R"];

    public string Name => name;

    public static IReadOnlyList<CommandScript> ReadAll()
    {
        using var stream = typeof(CommandScript).Assembly.GetManifestResourceStream("commands.txt")!;
        using var reader = new StreamReader(stream);
        var scripts = new List<CommandScript>();
        var lines = new List<ScriptLine>();
        foreach (var line in reader.ReadToEnd().Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line.StartsWith("== ", StringComparison.Ordinal))
                scripts.Add(new CommandScript(line[3..], lines = []));
            else
                lines.Add(Read(line));
        }

        return scripts;
    }

    /// <summary>Runs the script.</summary>
    /// <returns>The first line with another reply; null if all replies are as expected.</returns>
    public async Task<string?> RunAsync(IStage stage)
    {
        foreach (var line in lines.Where(line => line.Servers.Count == 0 || line.Servers.Contains(stage.Server)))
        {
            if (line.Words[0] == "pause")
            {
                await stage.PauseAsync();
                continue;
            }

            if (line.Words[0] == "failover")
            {
                await stage.FailOverAsync(line.Words[1]);
                continue;
            }

            var expected = Fill(line.Expected!, stage);
            var reply = await AskAsync(line, stage);
            for (var attempts = 0; line.Eventually && reply != expected && await stage.WaitAsync(attempts); attempts++)
                reply = await AskAsync(line, stage);
            if (reply != expected)
                return name + ": " + line.Text + "\n  reply: " + reply;
        }

        return null;
    }

    private static ScriptLine Read(string line)
    {
        var text = line;
        IReadOnlyList<string> servers = [];
        if (text[0] == '[')
        {
            servers = text[1..text.IndexOf(']')].Split(' ');
            text = text[(text.IndexOf(']') + 1)..].Trim();
        }

        var eventually = text[0] == '~';
        text = text.TrimStart('~', ' ');
        var arrow = text.IndexOf(" -> ", StringComparison.Ordinal);
        return new ScriptLine(
            line, servers, eventually, (arrow < 0 ? text : text[..arrow]).Split(' '), arrow < 0 ? null : text[(arrow + 4)..]);
    }

    private static async Task<string> AskAsync(ScriptLine line, IStage stage)
    {
        if (line.Words[0] is "owner" or "flags" or "bumped" or "knows")
        {
            var nodes = ClusterNodesParser.Parse((await stage.SendAsync(line.Words[1], RespCommand.Of("CLUSTER", "NODES"))).Text);
            return line.Words[0] == "knows"
                ? nodes.Any(node => node.Id == stage.IdOf(line.Words[2])) ? "yes" : "no"
                : About(line.Words[0], nodes, stage);
        }

        var words = line.Words.Skip(1).Select(word => word is ['{', >= 'a' and <= 'z', '}']
            ? stage.Key(word[1..2])
            : (object)Fill(word, stage).Replace("\"\"", string.Empty));
        return Shown(await stage.SendAsync(line.Words[0], RespCommand.Of([.. words])), stage);
    }

    private static string About(string what, IReadOnlyList<NodeLine> nodes, IStage stage)
    {
        var self = nodes.Single(node => (node.Flags & NodeFlags.Myself) != 0);
        return what switch
        {
            "owner" => nodes.FirstOrDefault(node => node.Slots.Contains(stage.Slot)) is { } owner ? NameOf(owner.Id, stage) : "none",
            "bumped" => nodes.Where(node => node != self && node.IsMaster).All(node => node.ConfigEpoch < self.ConfigEpoch) ? "yes" : "no",
            _ => self.MigratingTo.TryGetValue(stage.Slot, out var to) ? "to " + NameOf(to, stage)
                : self.ImportingFrom.TryGetValue(stage.Slot, out var from) ? "from " + NameOf(from, stage) : "none",
        };
    }

    private static string NameOf(string id, IStage stage) => Nodes.FirstOrDefault(node => stage.IdOf(node) == id) ?? id;

    private static string Shown(RespValue reply, IStage stage) => reply.Kind switch
    {
        RespKind.Null => "nil",
        RespKind.Array => "[" + string.Join(' ', reply.Items.Select(item => Shown(item, stage))) + "]",
        _ => new[] { "a", "b", "c" }.FirstOrDefault(key => reply.Bytes.AsSpan().SequenceEqual(stage.Key(key))) is { } name
            ? "{" + name + "}"
            : reply.Text,
    };

    private static string Fill(string text, IStage stage)
    {
        text = text.Replace("{slot}", stage.Slot.ToString(System.Globalization.CultureInfo.InvariantCulture))
            .Replace("{unknown}", new string('f', 40));
        foreach (var node in Nodes)
        {
            text = text.Replace("{" + node + "}", stage.IdOf(node))
                .Replace("{" + node + ".host}", stage.EndpointOf(node).Host)
                .Replace("{" + node + ".port}", stage.EndpointOf(node).Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return text;
    }
}
