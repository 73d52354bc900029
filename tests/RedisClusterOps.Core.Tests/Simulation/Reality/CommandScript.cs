using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Simulation.Reality;

/// <summary>One line of a script: what is asked, of whom, and what must be answered.</summary>
internal sealed record ScriptLine(string Text, IReadOnlyList<string> Servers, bool Eventually, string[] Words, string? Expected);

/// <summary>A cluster, real or simulated, on which scripts run.</summary>
internal interface IStage
{
    /// <summary>Which server: a script's lines may be for some only.</summary>
    string Server { get; }

    int Slot { get; }

    /// <summary>A key of the slot.</summary>
    byte[] Key(string name);

    string IdOf(string node);

    NodeEndpoint EndpointOf(string node);

    /// <summary>Sends to S, T or O, always over the same connection.</summary>
    Task<RespValue> SendAsync(string node, RespCommand command);

    Task FailOverAsync(string node);

    /// <summary>Lets half a second pass.</summary>
    Task PauseAsync();

    /// <summary>Lets a moment pass.</summary>
    /// <returns>False when patience has run out.</returns>
    Task<bool> WaitAsync(int looks);
}

/// <summary>Commands and the replies that real servers give to them. Their file says how it is written.</summary>
internal sealed class CommandScript(string name, IReadOnlyList<ScriptLine> lines)
{
    private static readonly string[] Nodes = ["S", "T", "O"];

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

    /// <summary>Runs it.</summary>
    /// <returns>The first line that is answered otherwise; null where all are answered as they must be.</returns>
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
            var answer = await AskAsync(line, stage);
            for (var looks = 0; line.Eventually && answer != expected && await stage.WaitAsync(looks); looks++)
                answer = await AskAsync(line, stage);
            if (answer != expected)
                return name + ": " + line.Text + "\n  is answered: " + answer;
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
        return new ScriptLine(line, servers, eventually, (arrow < 0 ? text : text[..arrow]).Split(' '), arrow < 0 ? null : text[(arrow + 4)..]);
    }

    private static async Task<string> AskAsync(ScriptLine line, IStage stage)
    {
        if (line.Words[0] is "owner" or "flags" or "bumped")
        {
            var nodes = ClusterNodesParser.Parse((await stage.SendAsync(line.Words[1], RespCommand.Of("CLUSTER", "NODES"))).Text);
            return About(line.Words[0], nodes, stage);
        }

        var words = line.Words.Skip(1).Select(word => word is ['{', >= 'a' and <= 'z', '}'] ? stage.Key(word[1..2]) : (object)Fill(word, stage).Replace("\"\"", string.Empty)).ToArray();
        return Shown(await stage.SendAsync(line.Words[0], RespCommand.Of(words)), stage);
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
        _ => "abc".Select(letter => letter.ToString()).FirstOrDefault(key => reply.Bytes.AsSpan().SequenceEqual(stage.Key(key))) is { } name ? "{" + name + "}" : reply.Text,
    };

    private static string Fill(string text, IStage stage)
    {
        text = text.Replace("{slot}", stage.Slot.ToString(System.Globalization.CultureInfo.InvariantCulture));
        foreach (var node in Nodes)
        {
            text = text.Replace("{" + node + "}", stage.IdOf(node))
                .Replace("{" + node + ".host}", stage.EndpointOf(node).Host)
                .Replace("{" + node + ".port}", stage.EndpointOf(node).Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return text;
    }
}
