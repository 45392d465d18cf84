using LampQ.Demo;

namespace LampQ.Quantization.Tests;

[TestClass]
public class FigureTests
{
    [TestMethod]
    public void Along_EveryDirection_IsTheProjectionOnThatDirection()
    {
        const int Length = 1000;
        for (var steps = -Angle.FullTurn; steps < 2 * Angle.FullTurn; steps++)
        {
            var radians = 2 * Math.PI * steps / Angle.FullTurn;

            // The table is rounded to half of 2⁻¹⁴, times 1000 is .03; rounding down afterwards takes at most 1.
            Assert.AreEqual(Length * Math.Cos(radians) - .5, new Angle(steps).Along(Length, 0), .54, $"x, {steps} steps");
            Assert.AreEqual(Length * Math.Sin(radians) - .5, new Angle(steps).Along(0, -Length), .54, $"y, {steps} steps");
        }
    }

    [TestMethod]
    public void Contains_EveryFigureInAnyRotation_CoversItsArea()
    {
        const int Size = 160;
        for (var steps = 0; steps < Angle.FullTurn; steps += 17)
        {
            var direction = new Angle(steps);
            (Figure Figure, double Area)[] cases =
            [
                (new Disc(40, -60, Size), Math.PI * Size * Size),
                (new Bar(40, -60, direction, Size, Size / 4), Size * Size),
                (new RegularPolygon(40, -60, direction, 4, Size), 4.0 * Size * Size),
                (new RegularPolygon(40, -60, direction, 3, Size), 3 * Math.Sqrt(3) * Size * Size),
                (new Cross(40, -60, direction, Size), 20.0 / 9 * Size * Size),
            ];
            foreach (var (figure, area) in cases)
            {
                // Counting unit squares errs by less than about two per unit of outline; no outline is longer than 11 · Size.
                var counted = CountedArea(figure);
                Assert.AreEqual(area, counted, 2 * 11 * Size, figure.ToString());
            }
        }
    }

    static int CountedArea(Figure figure)
    {
        // Beyond the stated extent nothing may be covered, so a margin is counted too.
        var reach = figure.Extent + 20;
        var count = 0;
        for (var y = -reach; y <= reach; y++)
            for (var x = -reach; x <= reach; x++)
                if (figure.Contains(figure.CenterX + x, figure.CenterY + y))
                {
                    Assert.IsTrue(Math.Max(Math.Abs(x), Math.Abs(y)) <= figure.Extent + 2, $"{figure} covers ({x}, {y})");
                    count++;
                }
        return count;
    }
}
