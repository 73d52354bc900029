using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Pictures;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco map</c>: Show-RedisSlotMap.</summary>
internal static class MapCommand
{
    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var width = new Option<int?>("--width")
        {
            Description = "Columns to draw for (default: those of the terminal).",
            HelpName = "columns",
            CustomParser = result => ParameterParsers.WholeNumber("--width", ScreenTraits.Narrowest, 1000)(result),
        };
        var plainText = new Option<bool>("--plain-text") { Description = "Draw with ASCII alone, and without colours." };
        var json = JsonOption.Create();
        var command = new Command("map", "Show which master holds which of the 16384 slots, and where slots are open, disputed or uncovered.") { width, plainText, json };
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var session = await cluster.ReadAsync(parsed, screen, stop);
            using var reader = new RedisCluster(session);
            var traits = PictureScreen.Of(screen.Out, parsed.GetValue(width));
            if (parsed.GetValue(json))
                traits = traits with { Color = false };
            if (parsed.GetValue(plainText))
                traits = traits with { Color = false, Unicode = false };
            var map = await reader.GetSlotMapAsync(traits, stop);
            if (parsed.GetValue(json))
                screen.Json(map);
            else
                PictureScreen.Write(screen.Out, map.Lines);
            return ExitStatus.Done;
        }
    }
}
