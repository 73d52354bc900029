using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace RedisClusterOps.Console.Output;

/// <summary>Where everything is printed: results on standard output, all that goes on around them on standard error.</summary>
internal sealed class Screen
{
    // Wide enough that no line is ever broken: a terminal wraps by itself, and a copied command stays whole.
    private const int Unbroken = 2000;

    public Screen(TextWriter output, TextWriter errors)
    {
        OutWriter = output;
        ErrWriter = errors;
        Out = Open(output);
        Out.Profile.Width = Unbroken;
        Err = Open(errors);
        if (!Err.Profile.Out.IsTerminal)
            Err.Profile.Width = Unbroken;
    }

    public TextWriter OutWriter { get; }

    public TextWriter ErrWriter { get; }

    /// <summary>Results.</summary>
    public IAnsiConsole Out { get; }

    /// <summary>Progress.</summary>
    public IAnsiConsole Err { get; }

    /// <summary>Whether progress may be drawn in place.</summary>
    public bool IsLive => Err.Profile.Out.IsTerminal && Err.Profile.Capabilities.Ansi;

    /// <summary>Whether there is somebody to ask.</summary>
    public bool CanAsk => !System.Console.IsInputRedirected && Err.Profile.Out.IsTerminal;

    public void Json<T>(T value) => OutWriter.WriteLine(JsonLine.Of(value));

    public void JsonEach<T>(IEnumerable<T> values)
    {
        foreach (var value in values)
            Json(value);
    }

    /// <summary>What happened, in one line, and the command to run next in another.</summary>
    /// <param name="code">Its stable name.</param>
    /// <param name="message">One sentence.</param>
    /// <param name="advice">As the core gave it; null for none.</param>
    /// <param name="parsed">The command line at hand; null where it can't be repeated.</param>
    public void Failure(string code, string message, string? advice, ParseResult? parsed)
    {
        WriteMarked("error", Color.Red, code + ": " + message);
        if (advice is { Length: > 0 })
            Next(NextCommand.Of(advice, parsed));
    }

    public void Next(string command) => WriteMarked("next", Color.Green, command);

    /// <summary>Something to know; may be called while progress is drawn.</summary>
    public void Warning(string message) => WriteAboveProgress(new Paragraph().Append("warning: ", new Style(Color.Yellow)), message);

    /// <summary>The warnings that a reading of the cluster came with.</summary>
    public void Warnings(OperationLog log)
    {
        while (log.TryTake(out var told, TimeSpan.Zero))
        {
            if (told is { Kind: OperationEventKind.Warning })
                Warning(told.Message);
        }
    }

    /// <summary>Something that goes on; may be called while progress is drawn.</summary>
    public void Note(string message) => WriteAboveProgress(new Paragraph(), message);

    /// <summary>Progress hides the cursor; whoever ends the process in the middle of it gives it back.</summary>
    public void ShowCursor()
    {
        if (IsLive)
            Err.Cursor.Show();
    }

    public Task<string> AskSecretAsync(string question, CancellationToken stop) =>
        new TextPrompt<string>(Markup.Escape(question)).AllowEmpty().Secret(null).ShowAsync(Err, stop);

    // An operator's terminal obeys nothing that a server put into a message.
    private static string OneLine(string text) => Printable.Clean(text, 4000);

    // Past the console, which would break a long command into lines that can't be copied as one.
    private void WriteMarked(string word, Color color, string text)
    {
        Err.Write(new Text(word + ": ", new Style(color)));
        ErrWriter.WriteLine(OneLine(text));
    }

    private void WriteAboveProgress(Paragraph paragraph, string message)
    {
        var line = paragraph.Append(OneLine(message) + Environment.NewLine);
        Err.Write(IsLive ? new ErasingFirst(line) : line);
    }

    private static IAnsiConsole Open(TextWriter writer)
    {
        var output = new AnsiConsoleOutput(writer);
        return AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = output,
            Ansi = output.IsTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            // What is known of build services would put colours into their logs.
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
    }

    /// <summary>Progress is drawn anew below a line that is written meanwhile; what stood there before has to go by our own doing.</summary>
    private sealed class ErasingFirst(IRenderable line) : IRenderable
    {
        private const string EraseBelow = "\u001b[J";

        public Measurement Measure(RenderOptions options, int maxWidth) => line.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => line.Render(options, maxWidth).Prepend(Segment.Control(EraseBelow));
    }
}
